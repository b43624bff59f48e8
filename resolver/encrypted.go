package resolver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Keeper is a Resolver that can keep connections open from one question to the next.
type Keeper interface {
	Resolver
	// Keep gives a Resolver that asks as this one does and keeps its connections until done is called. After done it must
	// not be used any more.
	Keep() (r Resolver, done func())
}

// Keep calls the Keep method of r. A Resolver that keeps nothing is given back as it is.
func Keep(r Resolver) (kept Resolver, done func()) {
	if k, ok := r.(Keeper); ok {
		return k.Keep()
	}
	return r, func() {}
}

// Keep gives a Resolver that asks as c does and keeps the connections to recursive resolvers over TLS and HTTPS until done
// is called, so that a second question costs no handshake. When done returns they are closed.
func (c *Client) Keep() (r Resolver, done func()) {
	kept := c.open()
	return Func(func(ctx context.Context, q Question) (Response, error) { return c.resolve(ctx, q, kept) }), kept.close
}

// connections are those to recursive resolvers over TLS and HTTPS.
type connections struct {
	client *Client
	ended  chan struct{} // closed by close: ends what package net/http still dials when nobody waits for it any more
	dials  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
	idle   map[Recursor][]net.Conn // over TLS, free for a question
	web    map[Recursor]*http.Transport
}

func (c *Client) open() *connections {
	return &connections{
		client: c, ended: make(chan struct{}), open: map[net.Conn]bool{}, idle: map[Recursor][]net.Conn{}, web: map[Recursor]*http.Transport{},
	}
}

// close ends all connections, and with them the goroutines of package net/http that read from them.
func (k *connections) close() {
	k.mu.Lock()
	if !k.closed {
		close(k.ended)
	}
	k.closed = true
	for c := range k.open {
		_ = c.Close() // nothing is on its way any more
	}
	web := k.web
	k.mu.Unlock()
	k.dials.Wait()
	for _, t := range web {
		t.CloseIdleConnections()
	}
}

// tracked is a connection that close knows of.
type tracked struct {
	net.Conn
	k *connections
}

func (t tracked) Close() error {
	t.k.mu.Lock()
	delete(t.k.open, t.Conn)
	t.k.mu.Unlock()
	return t.Conn.Close()
}

// dial connects to a recursor and shakes hands.
func (k *connections) dial(ctx context.Context, p recursorParts, protocols ...string) (*tls.Conn, error) {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return nil, net.ErrClosed
	}
	k.dials.Add(1)
	k.mu.Unlock()
	defer k.dials.Done()
	ctx, cancel := context.WithCancel(ctx)
	k.dials.Go(func() {
		select {
		case <-k.ended:
			cancel()
		case <-ctx.Done():
		}
	})
	defer cancel()
	dial := k.client.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(ctx, "tcp", p.dialAddress())
	if err != nil {
		return nil, startError{dialError{err}}
	}
	k.mu.Lock()
	k.open[raw] = true
	k.mu.Unlock()
	conn := tls.Client(tracked{raw, k}, &tls.Config{
		ServerName: p.certified(), RootCAs: k.client.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: protocols,
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = conn.NetConn().Close()
		return nil, startError{err}
	}
	return conn, nil
}

// startError is what went wrong before a question could be sent; dialError, before there was a connection.
type (
	startError struct{ error }
	dialError  struct{ error }
)

func (e startError) Unwrap() error { return e.error }
func (e dialError) Unwrap() error  { return e.error }

// askEncrypted asks the recursor of q over TLS or HTTPS. A connection that lay idle may have been closed at the other end:
// then, and after one that broke, the question is asked once more on a new one.
func (c *Client) askEncrypted(parent context.Context, q Question, patience time.Duration, kept *connections) (Response, error) {
	if d, ok := parent.Deadline(); ok {
		patience = min(patience, time.Until(d))
	}
	ctx, cancel := context.WithTimeout(parent, patience)
	defer cancel()
	if kept == nil {
		kept = c.open()
		defer kept.close()
	}
	ask := kept.askTLS
	if q.Recursor.Transport() == HTTPS {
		ask = kept.askHTTPS
	}
	var r Response
	var err error
	for try := 1; try <= maxTCPTries; try++ {
		began := time.Now()
		r, err = ask(ctx, q)
		r.Tries = try
		if err == nil && r.Truncated {
			err = ErrTruncated
		}
		if err == nil {
			r.Transport, r.RTT = q.Recursor.Transport(), time.Since(began)
			return r, nil
		}
		if !errors.Is(err, errBroken) || ctx.Err() != nil {
			break
		}
	}
	switch {
	case overdue(parent) != nil:
		err = overdue(parent)
	case ctx.Err() != nil:
		err = ErrTimeout
	default:
		err = encryptedError(ctx, err)
	}
	return Response{Tries: r.Tries}, err
}

// errBroken marks the loss of a connection that had been there.
var errBroken = errors.New("the connection broke")

// encryptedError says what an error of connecting, of TLS or of HTTP means.
func encryptedError(ctx context.Context, err error) error {
	var (
		name       *net.DNSError
		start      dialError
		alert      tls.AlertError
		record     tls.RecordHeaderError
		unverified *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrTruncated):
		return err
	case errors.As(err, &name):
		return fmt.Errorf("%w: %s could not be looked up", ErrNoAddress, name.Name)
	case errors.As(err, &unverified):
		return fmt.Errorf("%w: %s", ErrCertificate, distrust(unverified.Err))
	case errors.As(err, &record), errors.As(err, &alert):
		return fmt.Errorf("%w: what answers there does not speak TLS as we do", ErrMalformed)
	}
	return try{tcp: true}.lost(ctx, err, errors.As(err, &start)).err
}

// distrust says in words that do not change from run to run what package x509 found.
func distrust(err error) string {
	var (
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &host):
		return "it is for another name"
	case errors.As(err, &unknown):
		return "nobody whom this machine trusts has signed it"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired or is not valid yet, by this machine's clock"
	}
	return "it is not a proper one"
}

// askTLS asks over TLS (RFC 7858), where messages have their length in front as over TCP.
func (k *connections) askTLS(ctx context.Context, q Question) (Response, error) {
	conn, err := k.take(ctx, q.Recursor)
	if err != nil {
		return Response{}, err
	}
	r, err := exchangeTLS(ctx, conn, q)
	if err != nil {
		_ = conn.Close()
		return Response{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.idle[q.Recursor] = append(k.idle[q.Recursor], conn)
	}
	return r, nil
}

// take gives a connection that lies idle, or a new one.
func (k *connections) take(ctx context.Context, r Recursor) (net.Conn, error) {
	k.mu.Lock()
	if free := k.idle[r]; len(free) > 0 {
		k.idle[r] = free[:len(free)-1]
		k.mu.Unlock()
		return free[len(free)-1], nil
	}
	k.mu.Unlock()
	return k.dial(ctx, r.parts())
}

func exchangeTLS(ctx context.Context, conn net.Conn, q Question) (Response, error) {
	wire, id, err := packQuestion(q, true)
	if err != nil {
		return Response{}, err
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.(*tls.Conn).NetConn().Close() // at once, without the alert that TLS would send first
		close(closed)
	})
	defer func() {
		if !stop() {
			<-closed
		}
	}()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
		return Response{}, fmt.Errorf("%w: %w", errBroken, err)
	}
	var last error
	for range maxStrays {
		message, err := receiveFramed(conn)
		if err != nil {
			if last != nil {
				return Response{}, last
			}
			return Response{}, fmt.Errorf("%w: %w", errBroken, err)
		}
		switch r, fit, err := match(q, id, message); fit {
		case ours:
			return r, err
		case strange:
			last = errStrange
		}
	}
	return Response{}, errFlooded
}

// messageType is the media type of a DNS message (RFC 8484, 6).
const messageType = "application/dns-message"

// askHTTPS asks by POST (RFC 8484, 4.1). A redirection is not followed: it would lead to whom nobody chose.
func (k *connections) askHTTPS(ctx context.Context, q Question) (Response, error) {
	wire, _, err := packQuestion(q, true)
	if err != nil {
		return Response{}, err
	}
	const id = 0 // RFC 8484, 4.1: HTTP tells the answers apart
	binary.BigEndian.PutUint16(wire, id)
	p := q.Recursor.parts()
	host := p.certified()
	if p.host == "" && p.addr.Is6() {
		host = "[" + host + "]"
	}
	if p.port != httpsPort {
		host += ":" + strconv.Itoa(int(p.port))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+p.path, bytes.NewReader(wire))
	if err != nil {
		return Response{}, err
	}
	req.Header.Set("Content-Type", messageType)
	req.Header.Set("Accept", messageType)
	req.Header.Set("User-Agent", "acmdoctor")
	res, err := k.transport(q.Recursor).RoundTrip(req)
	if err != nil {
		var start startError
		if !errors.As(err, &start) {
			err = fmt.Errorf("%w: %w", errBroken, err)
		}
		return Response{}, err
	}
	defer res.Body.Close()
	bad := func(format string, args ...any) (Response, error) {
		return Response{}, fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	if res.StatusCode != http.StatusOK {
		return bad("HTTP status %d", res.StatusCode)
	}
	if t, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || t != messageType {
		return bad("what comes is not of type %s", messageType)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxMessage+1))
	switch {
	case err != nil:
		return Response{}, fmt.Errorf("%w: %w", errBroken, err)
	case len(body) > maxMessage:
		return bad("it is longer than a DNS message can be")
	}
	r, fit, err := match(q, id, body)
	if fit != ours {
		return Response{}, errStrange
	}
	return aged(r, res.Header.Get("Age")), err
}

// aged takes from the TTLs the time that a cache of HTTP has held the answer (RFC 8484, 5.1).
func aged(r Response, age string) Response {
	n, err := strconv.ParseUint(age, 10, 32)
	if err != nil || n == 0 {
		return r
	}
	for _, s := range sections(&r) {
		for i := range *s.rrs {
			rr := &(*s.rrs)[i]
			rr.TTL -= min(rr.TTL, uint32(n))
		}
	}
	return r
}

// transport gives the recursor's HTTP client. No proxy is used, whatever the environment says: libraries do not read it.
func (k *connections) transport(r Recursor) *http.Transport {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.web[r]
	if t == nil {
		p := r.parts()
		t = &http.Transport{
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return k.dial(ctx, p, "h2", "http/1.1")
			},
			ForceAttemptHTTP2: true, DisableCompression: true, MaxResponseHeaderBytes: maxMessage,
		}
		k.web[r] = t
	}
	return t
}
