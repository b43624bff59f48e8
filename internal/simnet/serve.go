package simnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

// served is a world that is being served: with its zones laid out and signed.
type served struct {
	World
	now       time.Time
	root      *root
	zones     []*tld // the top-level domains, dns. last
	domainKey key
	domains   sync.Map // number → *domain, of those that are signed and were asked for
}

func (w World) layOut() *served {
	s := &served{World: w, now: w.Now}
	if s.now.IsZero() {
		s.now = time.Now()
	}
	s.domainKey = newKey("domains.", w.hash(0, 10))
	for t := range w.tlds() + 1 {
		s.zones = append(s.zones, s.newTLD(t))
	}
	s.root = s.newRoot()
	return s
}

func (w *served) signed(i int) *domain {
	if d, ok := w.domains.Load(i); ok {
		return d.(*domain)
	}
	d, _ := w.domains.LoadOrStore(i, w.newDomain(i))
	return d.(*domain)
}

// Server is a world behind a socket. Its methods are safe for concurrent use.
type Server struct {
	Port uint16 // of every address of the world

	world    *served
	conn     *ipv4.PacketConn
	done     sync.WaitGroup
	delayed  chan delayed
	counting atomic.Pointer[counts]
	received atomic.Int64
}

// batch is how many packets one system call carries at most.
const batch = 64

// Serve answers on a port of every loopback address of the world until Close. Port 0 takes a free one. Packets that are not
// addressed to loopback are passed over.
func (w World) Serve(port uint16) (*Server, error) {
	if w.tlds() > 254 || w.hosts() > 30<<14 || w.Domains > 9_999_999 {
		return nil, errors.New("simnet: there is no room for so many")
	}
	// One socket stands for all addresses: which one a packet went to comes with it.
	c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
	if err != nil {
		return nil, fmt.Errorf("simnet: listen: %w", err)
	}
	_ = c.SetReadBuffer(8 << 20)
	_ = c.SetWriteBuffer(8 << 20)
	s := &Server{Port: uint16(c.LocalAddr().(*net.UDPAddr).Port), world: w.layOut(), conn: ipv4.NewPacketConn(c)}
	if err := s.conn.SetControlMessage(ipv4.FlagDst, true); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("simnet: listen: %w", err)
	}
	if w.Latency > 0 {
		s.delayed = make(chan delayed, 1<<16)
		s.done.Go(s.sendDelayed)
	}
	s.done.Go(s.loop)
	return s, nil
}

// Anchors gives the trust anchor of the root, a DS record in zone-file format.
func (s *Server) Anchors() string { return s.world.root.key.ds().String() + "\n" }

// Prepare signs the domains from 0 to n that are signed, so that signing does not weigh on what is measured.
func (s *Server) Prepare(n int) {
	for i := range n {
		if s.world.IsSigned(i) {
			s.world.signed(i)
		}
	}
	for _, t := range s.world.zones {
		for i := range t.chain {
			t.at(s.world, i)
		}
	}
}

// Close ends it.
func (s *Server) Close() error {
	err := s.conn.Close()
	s.done.Wait()
	return err
}

// Questions is how many questions arrived so far, lost ones not among them.
func (s *Server) Questions() int64 { return s.received.Load() }

// delayed is a batch of packets on its way.
type delayed struct {
	due      time.Time
	messages []ipv4.Message
}

func (s *Server) sendDelayed() {
	for d := range s.delayed {
		time.Sleep(time.Until(d.due))
		s.send(d.messages)
	}
}

func (s *Server) loop() {
	in := make([]ipv4.Message, batch)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 1500)}
		in[i].OOB = ipv4.NewControlMessage(ipv4.FlagDst)
	}
	defer func() {
		if s.delayed != nil {
			close(s.delayed)
		}
	}()
	out := newBatch()
	random := newDice(s.world.Seed)
	for {
		n, err := s.conn.ReadBatch(in, 0)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		if s.delayed != nil {
			out = newBatch() // the last one is still on its way
		}
		answers := 0
		for i := range in[:n] {
			m := &in[i]
			to := destination(m.OOB[:m.NN])
			role, ok := roleOf(to)
			if !ok || random.lost(s.world.LossParts) {
				continue
			}
			s.received.Add(1)
			message := m.Buffers[0][:m.N]
			if c := s.counting.Load(); c != nil {
				c.add(to, m.Addr.(*net.UDPAddr).Port, message)
			}
			o := &out[answers]
			answer := s.world.answer(o.Buffers[0], role, message)
			if answer == nil || random.lost(s.world.LossParts) {
				continue
			}
			o.Buffers[0], o.Addr = answer, m.Addr
			o.OOB = (&ipv4.ControlMessage{Src: net.IP(to[:])}).Marshal()
			answers++
		}
		if s.delayed == nil {
			s.send(out[:answers])
			continue
		}
		s.delayed <- delayed{time.Now().Add(s.world.Latency), out[:answers]}
	}
}

func newBatch() []ipv4.Message {
	out := make([]ipv4.Message, batch)
	for i := range out {
		out[i].Buffers = [][]byte{make([]byte, 0, 1500)}
	}
	return out
}

func (s *Server) send(out []ipv4.Message) {
	for len(out) > 0 {
		n, err := s.conn.WriteBatch(out, 0)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			n = 1 // this one cannot be sent
		}
		out = out[n:]
	}
}

func destination(oob []byte) (a [4]byte) {
	var c ipv4.ControlMessage
	if err := c.Parse(oob); err == nil && c.Dst != nil {
		copy(a[:], c.Dst.To4())
	}
	return a
}

// dice decides what is lost; the same seed loses the same packets of the same sequence.
type dice uint64

func newDice(seed uint64) dice { return dice(seed*2 + 0x9e3779b97f4a7c15) }

func (d *dice) lost(parts int) bool {
	if parts == 0 {
		return false
	}
	*d ^= *d << 13
	*d ^= *d >> 7
	*d ^= *d << 17
	return int(uint64(*d)>>20%1000) < parts
}

// Counts is what was asked while counting was on.
type Counts struct {
	Questions int // that arrived
	Repeated  int // that had arrived before: the same server, name and type
	Ports     int // source ports seen
	IDs       int // message IDs seen
}

type counts struct {
	mu    sync.Mutex
	seed  maphash.Seed
	asked map[uint64]struct{}
	ports map[int]struct{}
	ids   map[uint16]struct{}
	Counts
}

// Count begins to count anew. It costs the server memory for each question.
func (s *Server) Count() {
	s.counting.Store(&counts{seed: maphash.MakeSeed(), asked: map[uint64]struct{}{}, ports: map[int]struct{}{}, ids: map[uint16]struct{}{}})
}

// Counted gives what was counted since Count.
func (s *Server) Counted() Counts {
	c := s.counting.Load()
	if c == nil {
		return Counts{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.Counts
	out.Ports, out.IDs = len(c.ports), len(c.ids)
	return out
}

func (c *counts) add(to [4]byte, port int, message []byte) {
	q, ok := parse(message)
	if !ok {
		return
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.Write(to[:])
	_, _ = h.WriteString(q.name(0))
	_ = h.WriteByte(byte(q.typ >> 8))
	_ = h.WriteByte(byte(q.typ))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Questions++
	if _, again := c.asked[h.Sum64()]; again {
		c.Repeated++
	}
	c.asked[h.Sum64()] = struct{}{}
	c.ports[port] = struct{}{}
	c.ids[binary.BigEndian.Uint16(message)] = struct{}{}
}

// addrPort is where a server listens.
func (s *Server) addrPort(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, s.Port) }
