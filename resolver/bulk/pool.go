package bulk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// What bounds a [Pool] that does not say.
const (
	DefaultSockets  = 256
	DefaultInFlight = 256
	DefaultNetwork  = 1024
	DefaultRate     = 5000
)

const (
	tries         = 3                      // times a question is sent
	firstPatience = 600 * time.Millisecond // with a server that has not answered yet
	leastPatience = 500 * time.Millisecond // a machine that is busy validating reads late, which is no loss
	mostPatience  = 2 * time.Second
	silence       = time.Minute      // for which a silent server is left alone
	manyFailures  = 8                // questions in a row, and
	longUnheard   = 15 * time.Second // without an answer, after which a server that has answered counts as silent
	manyServers   = 1 << 16          // servers remembered; those that nothing waits for are forgotten then
)

// ErrClosed: the [Pool] was closed before the answer came.
var ErrClosed = errors.New("the pool of sockets is closed")

// Ask is one question. Its fields must not be changed from [Pool.Send] until Done has been called.
type Ask struct {
	Server netip.AddrPort
	Name   resolver.Name
	Type   resolver.Type
	DNSSEC bool // signatures are wanted (DO)
	// Done is told what came of it, exactly once: an answer to this question, or an error as of resolver.Client; truncated
	// answers are handed on as they are. The message is valid until Done returns. Done must not block. What it sends
	// through out goes out together with the questions of others.
	Done func(out *Outbox, m *Message, err error)

	server *server
	sent   int64 // when it was last sent, in nanoseconds of the pool's clock
	tried  int
	at     [tries]place // where answers to it may come in
	ended  bool
	slot   int // of the wheel; -1: in none
	before *Ask
	after  *Ask
}

// place is a socket and an ID.
type place struct {
	socket *socket
	id     uint16
}

// Outbox collects questions that go out together.
type Outbox struct{ asks []*Ask }

// Send adds a question.
func (o *Outbox) Send(a *Ask) { o.asks = append(o.asks, a) }

// Pool asks many questions over a fixed set of sockets. Its fields may be left alone; they must not be changed once it is
// used. The zero value works and must be closed. Safe for concurrent use.
type Pool struct {
	// AllowPrivate lets servers be asked that resolver.PublicAddr does not hold for.
	AllowPrivate bool
	// Sockets is how many are open at a time, for each family, once there was something to ask by them; 0: [DefaultSockets].
	Sockets int
	// InFlight is the most questions that are under way to one server; 0: [DefaultInFlight]. Fewer are at a server that is
	// new, or that loses some.
	InFlight int
	// Network is the most questions that are under way to one network, a /24 or a /48; 0: [DefaultNetwork].
	Network int
	// Rate is the most questions a second to one public server; 0: [DefaultRate]. Others are at the caller's own.
	Rate int
	// Listen opens a socket; network is "udp4" or "udp6". It is for source addresses and tests. Nil: any port of any address.
	Listen func(network string) (net.PacketConn, error)
	// Fallback is asked by [Pool.Resolve] for what datagrams with EDNS do not bring. Nil: a resolver.Client.
	Fallback resolver.Resolver

	open    sync.Once
	openErr error
	begun   time.Time
	stop    chan struct{}
	done    sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	families [2]family
	servers  map[netip.AddrPort]*server
	networks map[netip.Prefix]*network
	wheel    [wheelSlots]*Ask
	turned   int64 // the next slot of the wheel, counted from the beginning
	waiting  map[*server]struct{}
	stats    Stats
}

// Stats is what a pool has done.
type Stats struct {
	Sent     int64 // questions on the wire
	Repeated int64 // of these, those sent again because no answer had come
	Answered int64
	Silent   int64 // questions that were not sent because their server is silent
}

// Stats gives what has been done so far.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// server is what is known of one server.
type server struct {
	addr       netip.AddrPort
	network    *network
	flying     int
	window     float64
	cautious   bool    // it has lost something: the window grows slowly
	srtt       float64 // nanoseconds; 0: not known
	rttvar     float64
	lost       int // tries of the last score that no answer came to
	score      int
	heard      bool
	last       int64  // when it last answered
	failures   int    // questions in a row that came to nothing at all
	unanswered string // the registered domain that the first of them was about
	quiet      int64  // until when it counts as silent
	silence    error  // why: ErrTimeout or ErrRefusedConnection
	odd        bool   // it answers, and not to datagrams with EDNS: the fallback talks to it
	tokens     float64
	filled     int64
	queue      []*Ask
}

type network struct{ flying int }

func (p *Pool) clock() int64 { return int64(time.Since(p.begun)) }

// Send sends questions, each as soon as its server and its network may be asked. It does not wait for answers. What cannot
// be sent is told to Done before Send returns.
func (p *Pool) Send(asks ...*Ask) {
	if err := p.start(); err != nil {
		p.end(failed(asks, err))
		return
	}
	p.dispatch(asks)
}

type ended struct {
	ask *Ask
	err error
}

func failed(asks []*Ask, err error) (out []ended) {
	for _, a := range asks {
		out = append(out, ended{a, err})
	}
	return out
}

// end tells what came of questions, and sends on what that brings.
func (p *Pool) end(list []ended) {
	for len(list) > 0 {
		var out Outbox
		for _, e := range list {
			e.ask.Done(&out, nil, e.err)
		}
		list = p.admit(out.asks)
	}
}

// dispatch sends what may be sent, and tells what may not.
func (p *Pool) dispatch(asks []*Ask) {
	if len(asks) > 0 {
		p.end(p.admit(asks))
	}
}

// admit sends what may go now, lets the rest queue, and gives what ends at once.
func (p *Pool) admit(asks []*Ask) (over []ended) {
	if len(asks) == 0 {
		return nil
	}
	now := p.clock()
	p.mu.Lock()
	var ready []*Ask
	for _, a := range asks {
		a.slot = -1
		switch {
		case p.closed:
			over = append(over, ended{a, ErrClosed})
			continue
		case !p.AllowPrivate && !resolver.PublicAddr(a.Server.Addr()):
			over = append(over, ended{a, resolver.ErrPrivateAddress})
			continue
		case !p.families[familyOf(a.Server.Addr())].works():
			over = append(over, ended{a, resolver.ErrUnroutable})
			continue
		}
		s := p.server(a.Server)
		a.server = s
		switch {
		case s.quiet > now:
			p.stats.Silent++
			over = append(over, ended{a, s.silence})
		case s.odd:
			over = append(over, ended{a, resolver.ErrTimeout})
		case len(s.queue) == 0 && p.take(s, now):
			ready = append(ready, a)
		default:
			s.queue = append(s.queue, a)
			p.waiting[s] = struct{}{}
		}
	}
	over = append(over, p.transmit(ready, now)...)
	p.mu.Unlock()
	return over
}

func (p *Pool) server(addr netip.AddrPort) *server {
	if s := p.servers[addr]; s != nil {
		return s
	}
	if len(p.servers) >= manyServers {
		for a, s := range p.servers {
			if s.flying == 0 && len(s.queue) == 0 {
				delete(p.servers, a)
			}
		}
	}
	bits := 24
	if addr.Addr().Is6() && !addr.Addr().Is4In6() {
		bits = 48
	}
	prefix, _ := addr.Addr().Unmap().Prefix(bits)
	n := p.networks[prefix]
	if n == nil {
		if len(p.networks) >= manyServers {
			for k, v := range p.networks {
				if v.flying == 0 {
					delete(p.networks, k)
				}
			}
		}
		n = &network{}
		p.networks[prefix] = n
	}
	s := &server{addr: addr, network: n, window: 32, tokens: 64}
	p.servers[addr] = s
	return s
}

// take reserves a place for one question under way, if there is one. Rate and window are the server's, the cap on the
// network keeps a provider with many addresses from being flooded.
func (p *Pool) take(s *server, now int64) bool {
	if s.flying >= int(s.window) || s.network.flying >= orDefault(p.Network, DefaultNetwork) {
		return false
	}
	if resolver.PublicAddr(s.addr.Addr()) {
		rate := float64(orDefault(p.Rate, DefaultRate))
		s.tokens = min(s.tokens+float64(now-s.filled)*rate/1e9, max(rate/20, 1))
		s.filled = now
		if s.tokens < 1 {
			return false
		}
		s.tokens--
	}
	s.flying++
	s.network.flying++
	return true
}

func orDefault(n, other int) int {
	if n > 0 {
		return n
	}
	return other
}

// release gives the place of a question back and takes what queues for it.
func (p *Pool) release(s *server, now int64) (ready []*Ask) {
	s.flying--
	s.network.flying--
	return p.drain(s, now, nil)
}

func (p *Pool) drain(s *server, now int64, ready []*Ask) []*Ask {
	for len(s.queue) > 0 && p.take(s, now) {
		ready = append(ready, s.queue[0])
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
	if len(s.queue) == 0 {
		s.queue = nil
		delete(p.waiting, s)
	}
	return ready
}

// answered notes what an answer tells of its server.
func (s *server) answered(a *Ask, now int64, limit int) {
	s.heard, s.last, s.failures, s.quiet = true, now, 0, 0
	if a.tried == 1 { // of a question sent twice nobody knows which one was answered (Karn)
		rtt := float64(now - a.sent)
		if s.srtt == 0 {
			s.srtt, s.rttvar = rtt, rtt/2
		} else {
			d := rtt - s.srtt
			s.srtt += d / 8
			if d < 0 {
				d = -d
			}
			s.rttvar += (d - s.rttvar) / 4
		}
	}
	s.scored(false)
	if s.cautious {
		s.window += 1 / s.window
	} else {
		s.window++
	}
	s.window = min(s.window, float64(limit))
}

// scored counts tries. More than a tenth lost is more than a path loses by itself: the server gets less at a time.
func (s *server) scored(lost bool) {
	s.score++
	if lost {
		s.lost++
	}
	if s.score < 32 && s.lost < 8 {
		return
	}
	if s.lost*10 > s.score {
		s.cautious = true
		s.window = max(s.window*0.7, 4)
	}
	s.score, s.lost = 0, 0
}

// tries is how often a question is sent: less often to a server that nobody has heard yet, since the fallback asks it then.
func (s *server) tries() int {
	if s.heard {
		return tries
	}
	return tries - 1
}

// patience is how long a try may take.
func (s *server) patience(tried int) time.Duration {
	d := firstPatience
	if s.srtt > 0 {
		d = min(max(time.Duration(s.srtt+4*s.rttvar), leastPatience), mostPatience)
	}
	return d << (tried - 1)
}

// Resolve asks a question and waits for its whole answer: over the pool's sockets, and by Fallback for what these do not
// bring (truncated answers, servers that do not know EDNS, silence), so that the result is that of Fallback alone. A
// server that nobody has heard, and that stayed silent then about two registered domains, is not asked for a minute. The
// errors are those of resolver.Client, and [ErrClosed].
func (p *Pool) Resolve(ctx context.Context, q resolver.Question) (resolver.Response, error) {
	fallback := p.Fallback
	if fallback == nil {
		fallback = &resolver.Client{AllowPrivate: p.AllowPrivate}
	}
	if !q.Server.IsValid() || q.Recursive || q.CheckingDisabled || q.TCP || q.Name.IsZero() {
		return fallback.Resolve(ctx, q)
	}
	switch quiet, unheard := p.standing(q.Server); {
	case quiet != nil:
		return resolver.Response{}, fmt.Errorf("bulk: ask %s for %s %s: %w", q.Server, q.Name, q.Type, quiet)
	case unheard: // datagrams were tried
		res, err := fallback.Resolve(ctx, q)
		p.learn(q, resolver.ErrTimeout, err)
		return res, err
	}
	type result struct {
		response resolver.Response
		err      error
	}
	came := make(chan result, 1)
	p.Send(&Ask{Server: q.Server, Name: q.Name, Type: q.Type, DNSSEC: q.DNSSEC, Done: func(_ *Outbox, m *Message, err error) {
		var r result
		if r.err = err; err == nil {
			if r.response, r.err = m.Response(q); r.err == nil && m.Truncated() {
				r.err = resolver.ErrTruncated
			}
		}
		r.response.Transport, r.response.Tries = resolver.UDP, 1
		came <- r
	}})
	select {
	case r := <-came:
		switch {
		case r.err == nil && !refusesEDNS(r.response.RCode):
			return r.response, nil
		case errors.Is(r.err, resolver.ErrPrivateAddress), errors.Is(r.err, resolver.ErrUnroutable), errors.Is(r.err, ErrClosed):
			return resolver.Response{}, fmt.Errorf("bulk: ask %s for %s %s: %w", q.Server, q.Name, q.Type, r.err)
		}
		res, err := fallback.Resolve(ctx, q)
		p.learn(q, r.err, err)
		return res, err
	case <-ctx.Done():
		return resolver.Response{}, fmt.Errorf("bulk: ask %s for %s %s: %w", q.Server, q.Name, q.Type, ctx.Err())
	}
}

// refusesEDNS reports whether the code may mean that the question would be answered without EDNS (RFC 6891, 7).
func refusesEDNS(code resolver.RCode) bool {
	return code == resolver.FormErr || code == resolver.NotImp || code == resolver.BadVers
}

// standing gives why a server counts as silent, if it does, and whether nobody has heard it though it was asked.
func (p *Pool) standing(addr netip.AddrPort) (quiet error, unheard bool) {
	if p.start() != nil {
		return nil, false
	}
	now := p.clock()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.servers[addr]
	if s == nil {
		return nil, false
	}
	if s.quiet != 0 && s.quiet <= now { // it gets another chance
		s.quiet, s.failures, s.unanswered = 0, 0, ""
	}
	if s.quiet > now {
		return s.silence, false
	}
	return nil, !s.heard && s.failures > 0
}

// learn notes what the fallback made of a server that did not do.
func (p *Pool) learn(q resolver.Question, first, then error) {
	now := p.clock()
	p.mu.Lock()
	s := p.server(q.Server)
	var over []ended
	switch {
	case then == nil && errors.Is(first, resolver.ErrTimeout):
		s.heard, s.last, s.failures = true, now, 0
		s.odd = !s.heardBulk()
	case errors.Is(then, resolver.ErrTimeout) || errors.Is(then, resolver.ErrRefusedConnection):
		s.failures++
		about := registered(q.Name)
		if s.unanswered == "" {
			s.unanswered = about
		}
		// One that drops questions of one type answers others in between, and one that drops those about a zone it does not
		// have answers about another: neither is silent.
		refused := errors.Is(then, resolver.ErrRefusedConnection)
		if !s.heard && (refused || s.unanswered != about) || s.failures >= manyFailures && now-s.last > int64(longUnheard) {
			s.quiet, s.silence = now+int64(silence), resolver.ErrTimeout
			if refused {
				s.silence = resolver.ErrRefusedConnection
			}
			over = failed(s.queue, s.silence)
			s.queue = nil
			delete(p.waiting, s)
		}
	}
	p.mu.Unlock()
	p.end(over)
}

// registered is the part of a name that somebody registered, and that is a zone of its own: what a server drops, it drops of
// a whole zone. It is the name itself where there is no such part.
func registered(n resolver.Name) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(n.Text()); err == nil {
		return domain
	}
	return n.Text()
}

// heardBulk reports whether the server ever answered over the pool's sockets.
func (s *server) heardBulk() bool { return s.srtt > 0 }

// Close ends the pool. Questions under way end with [ErrClosed] before it returns.
func (p *Pool) Close() error {
	if p.start() != nil {
		return nil
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.stop)
	var over []ended
	for i := range p.wheel {
		for a := p.wheel[i]; a != nil; a = a.after {
			p.forget(a)
			over = append(over, ended{a, ErrClosed})
		}
		p.wheel[i] = nil
	}
	for s := range p.waiting {
		over = append(over, failed(s.queue, ErrClosed)...)
		s.queue = nil
	}
	err := p.closeSockets()
	p.mu.Unlock()
	p.done.Wait()
	p.end(over)
	return err
}

func (p *Pool) start() error {
	p.open.Do(func() {
		p.begun = time.Now()
		p.stop = make(chan struct{})
		p.servers, p.networks, p.waiting = map[netip.AddrPort]*server{}, map[netip.Prefix]*network{}, map[*server]struct{}{}
		if p.openErr = p.openSockets(); p.openErr == nil {
			p.done.Go(p.turn)
		}
	})
	return p.openErr
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
