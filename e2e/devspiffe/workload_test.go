package devspiffe_test

import (
	"testing"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestWorkloadAPIServesGoSPIFFE(t *testing.T) {
	issuer, partner := start(t), start(t)
	issuer.Federate("partner.org", partner.Authorities())
	e := entry(t, otherID)
	e.FederatesWith, e.DNSNames = []string{"partner.org"}, []string{"other.example.org"}
	entitle(t, issuer, e)
	source, err := workloadapi.NewX509Source(within(t), workloadapi.WithClientOptions(workloadapi.WithAddr("unix://"+issuer.Socket())))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	svid, err := source.GetX509SVID()
	if err != nil {
		t.Fatal(err)
	}
	if svid.ID.String() != otherID || svid.Certificates[0].DNSNames[0] != "other.example.org" {
		t.Fatalf("got %s with names %q", svid.ID, svid.Certificates[0].DNSNames)
	}
	for _, domain := range []string{"example.org", "partner.org"} {
		if _, err := source.GetX509BundleForTrustDomain(spiffeid.RequireTrustDomainFromString(domain)); err != nil {
			t.Error(err)
		}
	}
	updated := source.Updated()
	issuer.Rotate()
	select {
	case <-updated:
	case <-within(t).Done():
		t.Fatal("rotation did not arrive")
	}
	renewed, err := source.GetX509SVID()
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Certificates[0].SerialNumber.Cmp(svid.Certificates[0].SerialNumber) == 0 {
		t.Fatal("the serial number did not change")
	}
}

func TestWorkloadAPIRejectsStrangers(t *testing.T) {
	issuer := start(t)
	_, err := workloadapi.FetchX509SVID(within(t), workloadapi.WithAddr("unix://"+issuer.Socket()))
	if status.Code(err) != codes.PermissionDenied || status.Convert(err).Message() != "no identity issued" {
		t.Fatalf("got %v, want PermissionDenied", err)
	}
}
