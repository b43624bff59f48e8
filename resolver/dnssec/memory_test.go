package dnssec

import "testing"

// What is remembered is the computation alone: of another key, other data or another signature nothing is known.
func TestMemoryRemembersOneComputation(t *testing.T) {
	var m Memory
	k := zoneKey{rdata: "a key of no algorithm", Key: Key{Algorithm: ED448}}
	for _, x := range []struct{ rdata, data, sig string }{{"k", "data", "sig"}, {"ks", "data", "ig"}, {"k", "ata", "sigd"}, {"k", "data", "sig"}} {
		k.rdata = x.rdata
		if m.verify(k, []byte(x.data), []byte(x.sig)) {
			t.Error("a key that cannot be used verifies")
		}
	}
	if len(m.held) != 3 {
		t.Errorf("%d computations are remembered, want 3", len(m.held))
	}
	for h := range m.held {
		m.held[h] = true
	}
	k.rdata = "k"
	if !m.verify(k, []byte("data"), []byte("sig")) {
		t.Error("what is remembered is computed again")
	}
	if m.verify(k, []byte("data "), []byte("sig")) {
		t.Error("other data is taken for what is remembered")
	}
	if (*Memory)(nil).verify(k, []byte("data"), []byte("sig")) {
		t.Error("without a memory nothing is remembered")
	}
	for i := range manyRemembered + 10 {
		m.verify(k, []byte{byte(i), byte(i >> 8), byte(i >> 16)}, nil)
	}
	if len(m.held) > manyRemembered {
		t.Errorf("%d are remembered", len(m.held))
	}
}
