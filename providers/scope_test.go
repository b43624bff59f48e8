package providers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

var (
	scopeApex   = resolver.MustParseName("example.com.")
	scopeRecord = validate.Record{
		Name:  resolver.MustParseName("_a79.example.com."),
		Value: resolver.MustParseName("_424.acm-validations.aws."),
	}
)

func set(t resolver.Type, at, value string) RRset {
	return RRset{Name: resolver.MustParseName(at), Type: t, TTL: 60, Values: []string{value}}
}

// The gate is the last thing between a mistake of ours and somebody's zone, so it is tested without what stands before it.
func TestGate(t *testing.T) {
	const right, copied = "_424.acm-validations.aws.", "_a79.example.com.example.com."
	own := scopeRecord.Name.String()
	opaque := set(resolver.TypeCNAME, own, "x.example.net.")
	opaque.Opaque = true
	hidden := set(resolver.TypeCNAME, own, right)
	hidden.Hidden = Proxied
	two := set(resolver.TypeCNAME, copied, right)
	two.Values = append(two.Values, "www.example.net.")
	for _, c := range []struct {
		what        string
		delete      []RRset
		create      []RRset
		forth, undo bool // whether it is let through
	}{
		{"the record", nil, []RRset{set(resolver.TypeCNAME, own, right)}, true, true},
		{"without its underscore", nil, []RRset{set(resolver.TypeCNAME, own, right[1:])}, true, true},
		{"another value", nil, []RRset{set(resolver.TypeCNAME, own, "www.example.net.")}, false, true},
		{"proxied", nil, []RRset{hidden}, false, true},
		{"a TXT", nil, []RRset{set(resolver.TypeTXT, own, `"x"`)}, false, true},
		{"a copy to be made", nil, []RRset{set(resolver.TypeCNAME, copied, right)}, false, true},
		{"a TXT at the copy", nil, []RRset{set(resolver.TypeTXT, copied, `"x"`)}, false, false},
		{"an unlike copy", nil, []RRset{set(resolver.TypeCNAME, copied, "www.example.net.")}, false, false},
		{"a neighbour", nil, []RRset{set(resolver.TypeCNAME, "www.example.com.", right)}, false, false},
		{"delete a TXT at the name", []RRset{set(resolver.TypeTXT, own, `"x"`)}, nil, true, true},
		{"delete another value at the name", []RRset{set(resolver.TypeCNAME, own, "www.example.net.")}, nil, true, true},
		{"delete an alias at the name", []RRset{opaque}, nil, false, false},
		{"delete a copy", []RRset{set(resolver.TypeCNAME, copied, right)}, nil, true, true},
		{"delete a copy that is not one", []RRset{set(resolver.TypeCNAME, copied, "www.example.net.")}, nil, false, false},
		{"delete a copy with more in it", []RRset{two}, nil, false, false},
		{"delete a TXT at the copy", []RRset{set(resolver.TypeTXT, copied, `"x"`)}, nil, false, false},
		{"delete a neighbour", []RRset{set(resolver.TypeA, "www.example.com.", "192.0.2.1")}, nil, false, false},
		{"delete the zone's own", []RRset{set(resolver.TypeNS, "example.com.", "ns1.example.net.")}, nil, false, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			for dir, want := range map[direction]bool{forth: c.forth, back: c.undo} {
				b := Batch{Expect: c.delete, Delete: c.delete, Create: c.create}
				for _, s := range append(append([]RRset(nil), c.delete...), c.create...) {
					b.Owners = append(b.Owners, s.Name)
				}
				err := gate(scopeRecord, scopeApex, dir, b)
				if want {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, ErrOutOfScope)
				}
			}
		})
	}
	unread := set(resolver.TypeTXT, own, `"x"`)
	require.ErrorIs(t, gate(scopeRecord, scopeApex, forth, Batch{Owners: []resolver.Name{unread.Name}, Delete: []RRset{unread}}), ErrOutOfScope,
		"what was not read is not deleted")
	require.ErrorIs(t, gate(scopeRecord, scopeApex, forth, Batch{Create: []RRset{set(resolver.TypeCNAME, own, right)}}), ErrOutOfScope,
		"a name that is not among the batch's was not read either")
}

// writes counts what reaches a provider.
type writes struct{ n int }

func (*writes) Name() string   { return "counter" }
func (*writes) Traits() Traits { return Traits{} }

func (*writes) Read(context.Context, Zone, ...resolver.Name) ([]RRset, error) { return nil, nil }

func (w *writes) Write(context.Context, Zone, Batch) error {
	w.n++
	return nil
}

func TestNoWriteWithoutTheGate(t *testing.T) {
	foreign := set(resolver.TypeCNAME, "www.example.com.", "_424.acm-validations.aws.")
	p := Plan{
		provider: "counter", zone: Zone{Apex: scopeApex}, record: scopeRecord,
		units: []unit{{name: foreign.Name, after: []RRset{foreign}}},
	}
	c := &writes{}
	journalled := false
	a := Applier{Journal: func(context.Context, Undo) error { journalled = true; return nil }}
	_, err := a.Apply(context.Background(), c, p)
	require.ErrorIs(t, err, ErrOutOfScope)
	require.False(t, journalled, "refused before anything else")

	r := run{client: c, plan: p, res: &Result{}}
	_, _, err = r.write(context.Background(), forth, []resolver.Name{foreign.Name}, nil, []RRset{foreign})
	require.ErrorIs(t, err, ErrOutOfScope, "and once more right before the write")
	require.Zero(t, c.n)

	_, err = Undo{plan: p}.Plan(context.Background(), c)
	require.ErrorIs(t, err, ErrOutOfScope)
}
