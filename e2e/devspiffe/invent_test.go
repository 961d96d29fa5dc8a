package devspiffe_test

import (
	"slices"
	"testing"
)

func TestInventedNames(t *testing.T) {
	issuer := start(t)
	entitle(t, issuer, entry(t, envoyID))
	const id, odd, partner = "spiffe://partner.org/x", "an\x00 odd name", "spiffe://partner.org"
	issuer.Invent([]string{id, odd, envoyID}, []string{partner})
	c := connect(t, issuer)
	for name, want := range map[string]string{id: id, odd: "spiffe://example.org/invented", envoyID: envoyID} {
		secrets, err := c.fetch(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := leaf(t, secrets[name]).URIs[0].String(); got != want {
			t.Errorf("%s: SPIFFE ID %s, want %s", name, got, want)
		}
	}
	secrets, err := c.fetch(partner)
	if err != nil {
		t.Fatal(err)
	}
	if got := domains(t, secrets[partner]); !slices.Equal(got, []string{"partner.org"}) {
		t.Errorf("trust domains %q", got)
	}
}
