package resolver

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// defaultPatience is enough for three tries at a server on the other side of the world behind a lossy path.
const defaultPatience = 4 * time.Second

const (
	maxStrays   = 64 // messages that are no answer to us, after which a try is given up (RFC 5452, 9.3: do not wait for ever)
	maxTCPTries = 2
	maxTries    = 8 // an upper bound of all tries of one asking, for the size of a channel
)

// Client asks over real sockets. The zero value works: it asks public name servers over UDP with EDNS(0) and, where the
// answer does not fit or nothing comes, over TCP, and gives each question four seconds.
//
// One lost, late, truncated or unreadable packet does not change what comes out: a question is asked up to three times
// over UDP, at last without EDNS (RFC 6891, 6.2.2 and 7), and up to twice over TCP, and a late answer to an earlier try
// still counts. Each try has a port and an ID of its own (RFC 5452, 9). An error response (SERVFAIL, REFUSED and so on) is
// an answer, not an error. All fields may be left alone; they must not be changed while the Client is in use. Safe for
// concurrent use.
type Client struct {
	// AllowPrivate lets servers be asked that [PublicAddr] does not hold for: loopback, private, link-local. In the
	// delegations of the public DNS such addresses are a mistake or an attack.
	AllowPrivate bool
	// Patience is how long one question may take, all tries together. A nearer deadline of the context shortens it, and
	// the tries with it. Zero: 4 seconds.
	Patience time.Duration
	// Recursors are asked where a question names neither server nor recursor, one after the other until one answers; they
	// share Patience. They are the caller's choice and so may be private. Empty: such questions fail with [ErrNoServer].
	Recursors []Recursor
	// RootCAs are the authorities that may have signed the certificate of a recursive resolver over TLS or HTTPS. Nil: those
	// of this machine.
	RootCAs *x509.CertPool
	// Dial opens a connection; network is "udp" or "tcp", address an IP address and a port, or a host's name and a port for a
	// [Recursor] that is known by name only. A datagram connection gives one message a Read. It must heed ctx. It is for
	// source addresses, proxies and tests. Nil: the Dial of a zero [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Resolve asks q of its server or recursor. The errors are [ErrTimeout], [ErrRefusedConnection], [ErrUnroutable],
// [ErrPrivateAddress], [ErrTruncated], [ErrMalformed], [ErrNoServer], [ErrBadName] for a question about no name, of a
// recursor over TLS or HTTPS also [ErrCertificate] and [ErrNoAddress], or the error of ctx. A connection over TLS or HTTPS
// is closed when the call ends; [Client.Keep] keeps it for further questions.
func (c *Client) Resolve(ctx context.Context, q Question) (Response, error) {
	return c.resolve(ctx, q, nil)
}

// resolve asks, on kept connections where there are some.
func (c *Client) resolve(ctx context.Context, q Question, kept *connections) (Response, error) {
	switch {
	case ctx.Err() != nil:
		return Response{}, askError(q, ctx.Err())
	case q.Name.IsZero():
		return Response{}, askError(q, ErrBadName)
	case !q.Server.IsValid() && !q.Recursor.IsZero():
		r, err := c.askRecursor(ctx, q, c.patience(), kept)
		if err != nil {
			return Response{}, askError(q, err)
		}
		return r, nil
	case !q.Server.IsValid():
		return c.recurse(ctx, q, kept)
	case !c.AllowPrivate && !PublicAddr(q.Server.Addr()):
		return Response{}, askError(q, ErrPrivateAddress)
	}
	r, err := c.ask(ctx, q, c.patience())
	if err != nil {
		return Response{}, askError(q, err)
	}
	return r, nil
}

func (c *Client) patience() time.Duration {
	if c.Patience > 0 {
		return c.Patience
	}
	return defaultPatience
}

// recurse asks the recursors in turn. Of several errors the last is told, with the recursor it is about.
func (c *Client) recurse(ctx context.Context, q Question, kept *connections) (Response, error) {
	err := askError(q, ErrNoServer)
	tries := 0
	end := time.Now().Add(c.patience())
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	for i, recursor := range c.Recursors {
		to := q
		to.Recursor = recursor
		share := time.Until(end) / time.Duration(len(c.Recursors)-i)
		r, askErr := c.askRecursor(ctx, to, share, kept)
		if askErr == nil {
			r.Question = q
			r.Tries += tries
			return r, nil
		}
		tries += r.Tries
		if err = askError(to, askErr); ctx.Err() != nil {
			return Response{}, err
		}
	}
	return Response{}, err
}

// askRecursor asks the one that q names. Response.Tries is filled in with an error, too.
func (c *Client) askRecursor(ctx context.Context, q Question, patience time.Duration, kept *connections) (Response, error) {
	var r Response
	var err error
	if q.Recursor.Transport() == UDP {
		to := q
		to.Server, to.Recursive = q.Recursor.AddrPort(), true
		r, err = c.ask(ctx, to, patience)
	} else {
		r, err = c.askEncrypted(ctx, q, patience, kept)
	}
	r.Question = q
	return r, err
}

// try is one message sent and what came of it.
type try struct {
	tcp, edns bool
	reply     Response
	err       error // [ErrTimeout] for a try that simply got nothing
	final     bool  // err is this machine's: the other tries would meet the same
	strange   bool  // somebody answered another question under our ID
}

// refusesEDNS reports whether the server answered so because it does not know EDNS (RFC 6891, 6.1.3 and 7).
func (t try) refusesEDNS() bool {
	switch t.reply.RCode {
	case FormErr, NotImp:
		return t.err == nil && t.edns && !t.reply.EDNS
	case BadVers:
		return t.err == nil && t.edns
	}
	return false
}

// asking is the state of one question. It is used by one goroutine.
type asking struct {
	q          Question
	patience   time.Duration
	timer      *time.Timer // the end of the stage
	start      func(tcp, edns bool)
	stage      int
	plain      bool // the server refused EDNS: all further tries go without
	tries      int
	triesTCP   int
	running    int // tries that have not come back
	runningTCP int
	kept       *Response // an answer that a better one may replace
	holding    bool      // kept is a full answer, only without the signatures that TCP may still bring
	err        error     // the most telling of the failures
}

// ask carries out the schedule. Response.Tries is filled in with an error, too. Errors are not yet wrapped by askError.
func (c *Client) ask(parent context.Context, q Question, patience time.Duration) (Response, error) {
	if d, ok := parent.Deadline(); ok {
		patience = min(patience, time.Until(d))
	}
	ctx, cancel := context.WithTimeout(parent, patience)
	var all sync.WaitGroup
	defer all.Wait() // no goroutine outlives the call: cancel closes the sockets, which ends them at once
	defer cancel()
	results := make(chan try, maxTries) // has room for all of them, so that none waits for us
	a := asking{q: q, patience: patience, timer: time.NewTimer(patience), err: ErrTimeout}
	defer a.timer.Stop()
	a.start = func(tcp, edns bool) { all.Go(func() { results <- c.try(ctx, q, tcp, edns) }) }

	a.advance()
	for a.running > 0 && ctx.Err() == nil {
		select {
		case t := <-results:
			if a.take(t) {
				return a.outcome()
			}
		case <-a.timer.C:
			if a.holding {
				return a.outcome()
			}
			a.advance()
		case <-ctx.Done():
		}
	}
	if ctx.Err() == nil && (a.kept != nil || overdue(parent) == nil) {
		return a.outcome()
	}
	cancel()
	all.Wait()
	for ; a.running > 0; a.running-- { // what the tries know beyond silence
		a.note(<-results)
	}
	if err := overdue(parent); err != nil && (a.kept == nil || errors.Is(err, context.Canceled)) {
		return Response{Tries: a.tries}, err
	}
	return a.outcome()
}

// overdue gives the error of a context that is done, or is about to be: at its deadline the sockets' own deadlines, which
// are the same, may be heard of first.
func overdue(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded
	}
	return nil
}

func (a *asking) outcome() (Response, error) {
	if a.kept == nil {
		return Response{Tries: a.tries}, a.err
	}
	r := *a.kept
	r.Tries = a.tries
	return r, nil
}

// lastStage is the number of stages: UDP for a fifth of patience, UDP again for three tenths, then UDP without EDNS and
// TCP at the same time. A question that wants TCP has two, each half of patience.
func (a *asking) lastStage() int {
	if a.q.TCP {
		return maxTCPTries
	}
	return 3
}

// advance begins the next stage, if there is one.
func (a *asking) advance() {
	if a.stage == a.lastStage() {
		return
	}
	a.stage++
	switch {
	case a.q.TCP:
		a.timer.Reset(a.patience / 2)
		a.sendTCP()
	case a.stage == 1:
		a.timer.Reset(a.patience / 5)
		a.send(false, !a.plain)
	case a.stage == 2:
		a.timer.Reset(a.patience * 3 / 10)
		a.send(false, !a.plain)
	default:
		a.timer.Stop()
		a.send(false, false)
		a.sendTCP()
	}
}

func (a *asking) send(tcp, edns bool) {
	a.tries++
	a.running++
	if tcp {
		a.runningTCP++
	}
	a.start(tcp, edns)
}

func (a *asking) sendTCP() {
	if a.triesTCP < maxTCPTries {
		a.triesTCP++
		a.send(true, !a.plain)
	}
}

// take looks at what a try brought and sends what follows from it. It reports whether the question is decided.
func (a *asking) take(t try) (done bool) {
	a.running--
	if t.tcp {
		a.runningTCP--
	}
	switch {
	case t.final && (!t.tcp || a.q.TCP): // over TCP after UDP it is the path or a filter, not this machine
		a.err = t.err
		return true
	case t.refusesEDNS():
		a.note(t)
		if !a.plain {
			a.plain = true
			a.send(t.tcp, false)
		}
	case t.err == nil && !t.reply.Truncated:
		a.kept = &t.reply
		a.kept.PlainOnly = !t.edns && !a.plain
		if !a.q.DNSSEC || t.edns || a.plain {
			return true
		}
		// The server was silent twice and answers at last, without EDNS and so without signatures. Taken for the whole
		// answer that would look like a zone that lost its signatures; TCP needs a round trip more to bring them.
		a.holding = true
		a.timer.Reset(a.patience / 4)
	case t.err == nil: // truncated
		a.note(t)
		if a.stage < a.lastStage() {
			// Should TCP fail, UDP goes on: it may have been this one packet that was cut short.
			a.timer.Reset(a.patience * 3 / 10)
		}
		a.sendTCP()
	default:
		a.note(t)
		switch {
		case !t.tcp || a.q.TCP:
			a.advance()
		case !a.holding:
			a.sendTCP()
		}
	}
	if a.running == 0 && !a.holding {
		a.advance()
	}
	return a.holding && a.runningTCP == 0
}

// note remembers a try that does not decide: an answer for want of a better, the most telling of the failures.
func (a *asking) note(t try) {
	switch {
	case t.err == nil && t.reply.Truncated:
		t.err = ErrTruncated
	case t.err == nil:
		if a.kept == nil || !t.refusesEDNS() {
			a.kept = &t.reply
		}
		return
	case t.strange && !errors.Is(t.err, ErrMalformed):
		t.err = errStrange
	}
	rank := func(err error) int {
		for i, e := range []error{ErrRefusedConnection, ErrMalformed, ErrTruncated} {
			if errors.Is(err, e) {
				return i + 1
			}
		}
		return 0
	}
	if rank(t.err) > rank(a.err) {
		a.err = t.err
	}
}

var (
	errStrange = fmt.Errorf("%w: it answers another question", ErrMalformed)
	errFlooded = fmt.Errorf("%w: %d messages came and none was the answer", ErrMalformed, maxStrays)
	errClosed  = fmt.Errorf("%w: it closed the connection without an answer", ErrRefusedConnection)
)

// try sends q once and waits for its answer until ctx is done.
func (c *Client) try(ctx context.Context, q Question, tcp, edns bool) try {
	t := try{tcp: tcp, edns: edns}
	wire, id, err := packQuestion(q, edns)
	if err != nil {
		t.err, t.final = err, true
		return t
	}
	network, dial := "udp", c.Dial
	if tcp {
		network = "tcp"
		wire = append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	}
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, q.Server.String())
	if err != nil {
		return t.lost(ctx, err, true)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.Close() // wakes the reader
		close(closed)
	})
	defer func() {
		if !stop() {
			<-closed
		}
		_ = conn.Close()
	}()
	sent := time.Now()
	if _, err := conn.Write(wire); err != nil {
		return t.lost(ctx, err, true)
	}
	receive := receiveFramed
	if !tcp {
		buffer := datagrams.Get().(*[maxDatagram]byte)
		defer datagrams.Put(buffer)
		receive = func(conn net.Conn) ([]byte, error) { return receiveDatagram(conn, buffer[:]) }
	}
	for range maxStrays {
		message, err := receive(conn)
		if err != nil {
			return t.lost(ctx, err, false)
		}
		reply, fit, err := match(q, id, message)
		switch fit {
		case stray:
			continue
		case strange:
			t.strange = true
			continue
		}
		if t.err = err; err == nil {
			t.reply = reply
			t.reply.Transport, t.reply.RTT = UDP, time.Since(sent)
			if tcp {
				t.reply.Transport = TCP
			}
		}
		return t
	}
	t.err = errFlooded
	return t
}

// maxMessage is the most that a length field of two octets can say (RFC 1035, 4.2.2).
const maxMessage = 65535

// maxDatagram is how much of a datagram is read: several times what we say we take (udpSize).
const maxDatagram = 8192

var datagrams = sync.Pool{New: func() any { return new([maxDatagram]byte) }}

// receiveDatagram reads one message into b. One that is longer than b is marked as truncated, which it is by now.
func receiveDatagram(conn net.Conn, b []byte) ([]byte, error) {
	n, err := conn.Read(b)
	if err != nil {
		return nil, err
	}
	if n == len(b) {
		const tc = 0x02
		b[2] |= tc
	}
	return b[:n], nil
}

// receiveFramed reads one message behind its length.
func receiveFramed(conn net.Conn) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, fmt.Errorf("%w: it ends early", ErrMalformed)
	}
	return b, nil
}

// fit says what a message is to the question we sent (RFC 5452, 9.1).
type fit int

const (
	stray   fit = iota // not under our ID: nothing to do with us
	strange            // under our ID, but no answer to our question: forged or broken
	ours               // an answer, or something under our ID that cannot be read
)

func match(q Question, id uint16, wire []byte) (Response, fit, error) {
	if len(wire) < 2 || binary.BigEndian.Uint16(wire) != id {
		return Response{}, stray, nil
	}
	r, err := ParseMessage(q, wire)
	if err != nil {
		var m dns.Msg
		if m.Unpack(wire) == nil && (!m.Response || len(m.Question) == 1) && !asks(m, q) {
			return Response{}, strange, nil
		}
	}
	return r, ours, err
}

// asks reports whether m is a response about q, whatever else may be wrong with it.
func asks(m dns.Msg, q Question) bool {
	if !m.Response || len(m.Question) != 1 {
		return false
	}
	n, err := nameFromMsg(m.Question[0].Name)
	return err == nil && n == q.Name && m.Question[0].Qtype == uint16(q.Type) && m.Question[0].Qclass == dns.ClassINET
}

// lost says what an error of the network means. At the start, that is while connecting and sending, what is not a refusal
// is this machine's own trouble: nothing has left it.
func (t try) lost(ctx context.Context, err error, start bool) try {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		t.err = ctx.Err()
	case isOneOf(err, refusals), errors.Is(err, ErrRefusedConnection), start && t.tcp && errors.Is(err, io.ErrClosedPipe):
		t.err = ErrRefusedConnection
	case errors.Is(err, ErrMalformed):
		t.err = err
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, ErrTimeout):
		t.err = ErrTimeout
	case start:
		t.err, t.final = fmt.Errorf("%w: %v", ErrUnroutable, reason(err)), true
		if errors.Is(err, ErrUnroutable) {
			t.err = err
		}
	case t.tcp:
		t.err = errClosed
	default:
		t.err = ErrTimeout // a router on the way has something to say (ICMP): the server has not
	}
	return t
}

// refusals are ECONNREFUSED, ECONNRESET, EPIPE, ECONNABORTED, and the same of Windows, which package syscall does not
// equate (10061, 10054, 10053).
var refusals = []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, 10061, 10054, 10053}

func isOneOf(err error, list []syscall.Errno) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	for _, e := range list {
		if e == errno {
			return true
		}
	}
	return false
}

// reason is err without the addresses that package net puts around it: a random port would make each report different.
func reason(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
