package devspiffe_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/egraft/egraft/e2e/devspiffe"
)

func TestSecretsHaveTheNamesThatSPIREUses(t *testing.T) {
	issuer, partner := start(t), start(t)
	issuer.Federate("partner.org", partner.Authorities())
	e := entry(t, envoyID)
	e.FederatesWith = []string{"partner.org"}
	entitle(t, issuer, e)
	c := connect(t, issuer)
	for _, name := range []string{envoyID, "default"} {
		secrets, err := c.fetch(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := leaf(t, secrets[name]).URIs[0].String(); got != envoyID {
			t.Errorf("%s: SPIFFE ID %s", name, got)
		}
	}
	for name, want := range map[string][]string{
		"spiffe://example.org": {"example.org"},
		"spiffe://partner.org": {"partner.org"},
		"ROOTCA":               {"example.org"},
		"ALL":                  {"example.org", "partner.org"},
	} {
		secrets, err := c.fetch(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := domains(t, secrets[name]); !slices.Equal(got, want) {
			t.Errorf("%s: trust domains %q, want %q", name, got, want)
		}
	}
}

func TestWhatIsNotEntitledIsRejectedAndHeals(t *testing.T) {
	issuer := start(t)
	entitle(t, issuer, entry(t, otherID))
	c := connect(t, issuer)
	c.subscribe(envoyID)
	_, err := c.next()
	want := `workload is not authorized for the requested identities ["spiffe://example.org/envoy"]`
	if status.Code(err) != codes.InvalidArgument || status.Convert(err).Message() != want {
		t.Fatalf("got %v, want InvalidArgument %s", err, want)
	}
	entitle(t, issuer, entry(t, envoyID))
	c.subscribe(envoyID)
	leaf(t, c.mustNext()[envoyID])
	issuer.RemoveEntry(entry(t, envoyID))
	if _, err := c.next(); status.Code(err) != codes.InvalidArgument {
		t.Fatalf("after the entry was removed: got %v, want InvalidArgument", err)
	}
}

func TestRotationIsPushed(t *testing.T) {
	issuer := start(t)
	entitle(t, issuer, entry(t, envoyID))
	c := connect(t, issuer)
	c.subscribe(envoyID)
	first := leaf(t, c.mustNext()[envoyID])
	issuer.Rotate()
	second := leaf(t, c.mustNext()[envoyID])
	if first.SerialNumber.Cmp(second.SerialNumber) == 0 {
		t.Fatal("the serial number did not change on demand")
	}
	short := entry(t, envoyID)
	short.TTL = 200 * time.Millisecond
	entitle(t, issuer, short)
	third := leaf(t, c.mustNext()[envoyID])
	fourth := leaf(t, c.mustNext()[envoyID]) // after half of 200 ms
	if third.SerialNumber.Cmp(fourth.SerialNumber) == 0 {
		t.Fatal("the serial number did not change at half of the lifetime")
	}
}

func TestHeldSecretComesLater(t *testing.T) {
	issuer := start(t)
	entitle(t, issuer, entry(t, envoyID))
	issuer.Hold(envoyID)
	c := connect(t, issuer)
	c.subscribe(envoyID)
	received := make(chan error, 1)
	go func() {
		_, err := c.next()
		received <- err
	}()
	if _, err := c.fetch("spiffe://example.org"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-received:
		t.Fatalf("the held secret came: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	issuer.Release(envoyID)
	select {
	case err := <-received:
		if err != nil {
			t.Fatal(err)
		}
	case <-within(t).Done():
		t.Fatal("the secret did not come")
	}
}

func TestPlainBundle(t *testing.T) {
	issuer := start(t)
	issuer.SetPlainBundle(true)
	c := connect(t, issuer)
	secrets, err := c.fetch("spiffe://example.org")
	if err != nil {
		t.Fatal(err)
	}
	if got := domains(t, secrets["spiffe://example.org"]); !slices.Equal(got, []string{"plain"}) {
		t.Fatalf("trust domains %q", got)
	}
}

func TestStopEndsStreamsAndStartServesAgain(t *testing.T) {
	issuer := start(t)
	entitle(t, issuer, entry(t, envoyID))
	c := connect(t, issuer)
	c.subscribe(envoyID)
	before := leaf(t, c.mustNext()[envoyID])
	issuer.Stop()
	if _, err := c.next(); status.Code(err) != codes.Unavailable {
		t.Fatalf("the stream of a stopped issuer: %v", err)
	}
	if err := issuer.Start(); err != nil {
		t.Fatal(err)
	}
	again := connect(t, issuer)
	again.subscribe(envoyID)
	if leaf(t, again.mustNext()[envoyID]).SerialNumber.Cmp(before.SerialNumber) != 0 {
		t.Fatal("stopping changed the SVID")
	}
}

func TestDeltaIsNotImplemented(t *testing.T) {
	stream, err := connect(t, start(t)).sds.DeltaSecrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unimplemented {
		t.Fatalf("got %v, want Unimplemented", err)
	}
}

func TestNewRejectsABadTrustDomain(t *testing.T) {
	_, err := devspiffe.New(devspiffe.Config{TrustDomain: "Example Org"})
	want := "trust domain of the development issuer: trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores"
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}
