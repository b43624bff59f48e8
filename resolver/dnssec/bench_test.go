package dnssec_test

import (
	"testing"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// What a record costs: the answers of one server for its name, with the zone's chain at hand. "signatures" counts public-key
// operations, "hashes" NSEC3 rounds.
func BenchmarkAnswer(b *testing.B) {
	for _, c := range []struct{ what, how, owner string }{
		{"there", "nsec", "_a79.example.com."},
		{"there, Ed25519", "15", "_a79.example.com."},
		{"there, RSA", "8", "_a79.example.com."},
		{"wildcard", "nsec", "q.c.example.com."},
		{"not there, NSEC", "nsec", "nothing.example.com."},
		{"not there, NSEC3", "nsec3", "nothing.example.com."},
		{"not there, compact", "compact", "nothing.example.com."},
	} {
		b.Run(c.what, func(b *testing.B) {
			f := newFake(b, c.how)
			r := f.of(b, c.owner, resolver.TypeCNAME)
			b.ReportAllocs()
			var got dnssec.Result
			for b.Loop() {
				got = f.v.Answer(f.zone, r)
			}
			if got.Status != dnssec.Secure {
				b.Fatal(got.Why)
			}
			b.ReportMetric(float64(got.Work.Signatures), "signatures/op")
			b.ReportMetric(float64(got.Work.Hashes), "hashes/op")
		})
	}
}

// The chain from the root to a zone in a top-level domain, as the first record of a zone needs it; the next ones share it.
func BenchmarkChain(b *testing.B) {
	f := newFake(b, "nsec")
	root := f.ask(b, "a.root-servers.test.", ".", resolver.TypeDNSKEY)
	comDS, comKeys := f.ask(b, "a.root-servers.test.", "com.", resolver.TypeDS), f.ask(b, "ns1.nic.com.", "com.", resolver.TypeDNSKEY)
	ds, keys := f.ask(b, "ns1.nic.com.", "example.com.", resolver.TypeDS), f.of(b, "example.com.", resolver.TypeDNSKEY)
	b.ReportAllocs()
	signatures := 0
	for b.Loop() {
		z := f.v.Root(root)
		signatures = z.Work.Signatures
		z = f.v.Child(z, name("com."), comDS, comKeys)
		signatures += z.Work.Signatures
		z = f.v.Child(z, name("example.com."), ds, keys)
		signatures += z.Work.Signatures
		if z.Status != dnssec.Secure {
			b.Fatal(z.Why)
		}
	}
	b.ReportMetric(float64(signatures), "signatures/op")
}
