package dnssec

import (
	"crypto/sha256"
	"sync"
)

// manyRemembered is how many signatures a [Memory] holds.
const manyRemembered = 1 << 16

// Memory remembers whether signatures match their data and key, which nothing changes, so that those of zones that many
// records share are computed once. Whether a signature is good at the moment is not remembered but judged each time. A
// Memory is bounded; the zero value is empty. Safe for concurrent use.
type Memory struct {
	mu   sync.Mutex
	held map[[sha256.Size]byte]bool
}

// verify is [zoneKey.verify], remembered where there is a memory.
func (m *Memory) verify(k zoneKey, data, sig []byte) bool {
	if m == nil {
		return k.verify(data, sig)
	}
	h := sha256.New()
	// Each part but the last has its length in front: no two questions have the same octets.
	for _, part := range [][]byte{[]byte(k.rdata), sig} {
		h.Write([]byte{byte(len(part) >> 8), byte(len(part))})
		h.Write(part)
	}
	h.Write(data)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	m.mu.Lock()
	ok, known := m.held[sum]
	m.mu.Unlock()
	if known {
		return ok
	}
	ok = k.verify(data, sig)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held == nil || len(m.held) >= manyRemembered {
		m.held = map[[sha256.Size]byte]bool{}
	}
	m.held[sum] = ok
	return ok
}
