package resolver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

const certified = "dns.example"

func certificate(t testing.TB, names ...string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	c, pool, err := resolvertest.Certificate(time.Now(), names...)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{c}}, pool
}

// Over TLS and HTTPS a Client keeps what a Resolver promises, against a real listener on loopback; alone, with kept
// connections, recorded and replayed.
func TestConformanceEncrypted(t *testing.T) {
	config, pool := certificate(t, certified)
	for _, scheme := range []string{"tls", "https"} {
		for name, wrap := range map[string]func(c *resolver.Client) resolver.Resolver{
			"Client": func(c *resolver.Client) resolver.Resolver { return c },
			"kept": func(c *resolver.Client) resolver.Resolver {
				r, done := resolver.Keep(&resolver.Transcript{Resolver: c})
				t.Cleanup(done)
				return r
			},
			"replayed": func(c *resolver.Client) resolver.Resolver { return replayed(c) },
		} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				t.Parallel() // the cases of silence take real time
				require.NoError(t, resolvertest.TestConnected(func(in *resolvertest.Internet) resolver.Resolver {
					server := in.Addrs(resolver.MustParseName("ns1.example.com."))[0]
					l := listenAs(t, in, server, scheme, config)
					to := recursorAt(l, scheme)
					// One case waits for all of it: silence. Another shakes 32 hands at once, on whatever machine.
					r := wrap(&resolver.Client{RootCAs: pool, Patience: 5 * time.Second})
					return resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
						if q.Server.Addr() != server {
							return resolver.Response{}, resolver.ErrTimeout
						}
						via := q
						via.Server, via.Recursor = netip.AddrPort{}, to
						res, err := r.Resolve(ctx, via)
						if err == nil && res.Question != via {
							err = fmt.Errorf("it answers %s", res.Question)
						}
						res.Question = q
						return res, err
					})
				}))
			})
		}
	}
}

func listen(t testing.TB, in *resolvertest.Internet, scheme string, config *tls.Config) *resolvertest.Listener {
	t.Helper()
	return listenAs(t, in, netip.Addr{}, scheme, config)
}

func listenAs(t testing.TB, in *resolvertest.Internet, as netip.Addr, scheme string, config *tls.Config) *resolvertest.Listener {
	t.Helper()
	open := in.ListenTLS
	if scheme == "https" {
		open = in.ListenHTTPS
	}
	l, err := open("127.0.0.1:0", as, config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func recursorAt(l *resolvertest.Listener, scheme string) resolver.Recursor {
	r := scheme + "://" + certified + "@" + l.Addr().String()
	return resolver.MustParseRecursor(r)
}

var about = resolver.Question{Name: resolver.MustParseName("_a79.example.com."), Type: resolver.TypeCNAME, DNSSEC: true}

func recursive() *resolvertest.Internet {
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.acm-validations.aws.\n")
	in.Recursor(netip.MustParseAddr("127.0.0.1"))
	return in
}

// Connections are kept from question to question where the caller says so, opened once, and gone afterwards.
func TestKeptConnections(t *testing.T) {
	config, pool := certificate(t, certified)
	for _, scheme := range []string{"tls", "https"} {
		t.Run(scheme, func(t *testing.T) {
			before := runtime.NumGoroutine()
			l := listen(t, recursive(), scheme, config)
			q := about
			q.Recursor = recursorAt(l, scheme)
			var dials, open atomic.Int64
			c := &resolver.Client{RootCAs: pool, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				dials.Add(1)
				open.Add(1)
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				return counted{conn, &open}, err
			}}
			r, done := resolver.Keep(c)
			for range 3 {
				res, err := r.Resolve(t.Context(), q)
				require.NoError(t, err)
				assert.Equal(t, resolver.Transport(scheme), res.Transport)
				assert.True(t, res.RecursionAvailable)
				assert.Len(t, res.Answer, 1)
			}
			assert.EqualValues(t, 1, dials.Load(), "three questions, one connection")
			done()
			assert.LessOrEqual(t, open.Load(), int64(0), "connections left open")
			_, err := r.Resolve(t.Context(), q)
			require.Error(t, err, "after done")

			_, err = c.Resolve(t.Context(), q)
			require.NoError(t, err)
			_, err = c.Resolve(t.Context(), q)
			require.NoError(t, err)
			assert.EqualValues(t, 3, dials.Load(), "without Keep each question has its own")
			require.NoError(t, l.Close())
			goroutinesEnd(t, before)
		})
	}
}

// goroutinesEnd waits until no more goroutines run than before; those of package net/http end when they notice that their
// connection is closed.
func goroutinesEnd(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

type counted struct {
	net.Conn
	open *atomic.Int64
}

func (c counted) Close() error {
	err := c.Conn.Close()
	if err == nil {
		c.open.Add(-1)
	}
	return err
}

// A server may close a connection that lies idle (RFC 7766, 6.2.3): the next question is asked on a new one.
func TestKeptConnectionThatDied(t *testing.T) {
	config, pool := certificate(t, certified)
	for _, scheme := range []string{"tls", "https"} {
		t.Run(scheme, func(t *testing.T) {
			l := listen(t, recursive(), scheme, config)
			q := about
			q.Recursor = recursorAt(l, scheme)
			var conns []net.Conn
			r, done := resolver.Keep(&resolver.Client{RootCAs: pool, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				conns = append(conns, conn)
				return conn, err
			}})
			defer done()
			_, err := r.Resolve(t.Context(), q)
			require.NoError(t, err)
			require.NoError(t, conns[0].(*net.TCPConn).CloseRead())
			_ = conns[0].(*net.TCPConn).CloseWrite() // who reads from it may have noticed already, and closed it
			_, err = r.Resolve(t.Context(), q)
			require.NoError(t, err)
			require.Len(t, conns, 2)
		})
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	another, pool := certificate(t, "another.example")
	config, _ := certificate(t, certified)
	expired, _, err := resolvertest.Certificate(time.Now().Add(-48*time.Hour), certified)
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(expired.Leaf)
	for _, scheme := range []string{"tls", "https"} {
		for name, c := range map[string]struct {
			config *tls.Config
			pool   *x509.CertPool
			says   string
		}{
			"of another name": {another, pool, "it is for another name"},
			"unknown signer":  {config, x509.NewCertPool(), "nobody whom this machine trusts has signed it"},
			"expired":         {&tls.Config{Certificates: []tls.Certificate{expired}}, trusted, "it has expired or is not valid yet"},
		} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				q := about
				q.Recursor = recursorAt(listen(t, recursive(), scheme, c.config), scheme)
				tr := &resolver.Transcript{Resolver: &resolver.Client{RootCAs: c.pool}}
				_, err := tr.Resolve(t.Context(), q)
				require.ErrorIs(t, err, resolver.ErrCertificate)
				require.ErrorContains(t, err, c.says)
				_, again := replayed(&resolver.Client{RootCAs: c.pool}).Resolve(t.Context(), q)
				require.ErrorIs(t, again, resolver.ErrCertificate)
				require.Equal(t, err.Error(), again.Error())
			})
		}
	}
}

// Whatever answers at a resolver's address, what comes out is an answer to the question, or an error that says why not.
func TestHostileHTTPS(t *testing.T) {
	config, pool := certificate(t, certified)
	reply := func(change func(m *dns.Msg)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			m := new(dns.Msg)
			if assert.NoError(t, m.Unpack(b)) {
				m.Response = true
				rr, _ := dns.NewRR("_a79.example.com. 300 IN CNAME _424.acm-validations.aws.")
				m.Answer = []dns.RR{rr}
				change(m)
				b, _ = m.Pack()
			}
			w.Header().Set("Content-Type", "application/dns-message")
			w.Header().Set("Age", "100")
			_, _ = w.Write(b)
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		err     error
		says    string
	}{
		"right, a while in a cache": {reply(func(*dns.Msg) {}), nil, ""},
		"another ID":                {reply(func(m *dns.Msg) { m.Id = 7 }), resolver.ErrMalformed, "another question"},
		"another question":          {reply(func(m *dns.Msg) { m.Question[0].Name = "x.example." }), resolver.ErrMalformed, "another question"},
		"a query":                   {reply(func(m *dns.Msg) { m.Response = false }), resolver.ErrMalformed, ""},
		"truncated":                 {reply(func(m *dns.Msg) { m.Truncated = true }), resolver.ErrTruncated, ""},
		"a web page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!doctype html><title>Log in</title>")
		}, resolver.ErrMalformed, "not of type application/dns-message"},
		"a web page of the right type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
			_, _ = io.WriteString(w, "<!doctype html><title>Log in</title>")
		}, resolver.ErrMalformed, ""},
		"not found": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotFound) }, resolver.ErrMalformed, "HTTP status 404"},
		"a redirection": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/dns-query" {
				t.Error("it was followed")
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, resolver.ErrMalformed, "HTTP status 307"},
		"too long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
			_, _ = w.Write(bytes.Repeat([]byte{0}, 1<<20))
		}, resolver.ErrMalformed, "longer than a DNS message can be"},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
		}, resolver.ErrMalformed, ""},
		"silence": {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, resolver.ErrTimeout, ""},
		"closed":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, resolver.ErrRefusedConnection, "closed the connection"},
	} {
		for _, proto := range []string{"HTTP/2", "HTTP/1.1"} {
			t.Run(name+" "+proto, func(t *testing.T) {
				s := httptest.NewUnstartedServer(c.handler)
				s.TLS, s.EnableHTTP2 = config.Clone(), proto == "HTTP/2"
				s.Config.ErrorLog = discard()
				s.StartTLS()
				defer s.Close()
				q := about
				q.Recursor = resolver.MustParseRecursor("https://" + certified + "@" + s.Listener.Addr().String())
				r, err := (&resolver.Client{RootCAs: pool, Patience: time.Second}).Resolve(t.Context(), q)
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
					require.ErrorContains(t, err, c.says)
					return
				}
				require.NoError(t, err)
				require.Equal(t, resolver.HTTPS, r.Transport)
				require.EqualValues(t, 200, r.Answer[0].TTL, "300 s, of which a cache of HTTP has had 100 (RFC 8484, 5.1)")
			})
		}
	}
}

func TestHostileTLS(t *testing.T) {
	config, pool := certificate(t, certified)
	frame := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	for name, c := range map[string]struct {
		serve func(c net.Conn, asked []byte)
		err   error
		says  string
	}{
		"under another ID": {func(c net.Conn, q []byte) { q[0]++; q[2] |= 0x80; _, _ = c.Write(frame(q)) }, resolver.ErrRefusedConnection, ""},
		"another question": {func(c net.Conn, q []byte) { q[2] |= 0x80; q[13] ^= 1; _, _ = c.Write(frame(q)) }, resolver.ErrMalformed, "another question"},
		"garbage":          {func(c net.Conn, q []byte) { _, _ = c.Write(frame(q[:7])) }, resolver.ErrMalformed, ""},
		"half a message":   {func(c net.Conn, q []byte) { _, _ = c.Write(frame(q)[:9]) }, resolver.ErrMalformed, "ends early"},
		"a flood": {func(c net.Conn, q []byte) {
			for {
				if _, err := c.Write(frame([]byte{q[0] + 1, 0})); err != nil {
					return
				}
			}
		}, resolver.ErrMalformed, "64 messages"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", config)
			require.NoError(t, err)
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						var size [2]byte
						if _, err := io.ReadFull(conn, size[:]); err != nil {
							return
						}
						b := make([]byte, binary.BigEndian.Uint16(size[:]))
						if _, err := io.ReadFull(conn, b); err == nil {
							c.serve(conn, b)
						}
					}()
				}
			}()
			q := about
			q.Recursor = resolver.MustParseRecursor("tls://" + certified + "@" + l.Addr().String())
			_, err = (&resolver.Client{RootCAs: pool, Patience: 2 * time.Second}).Resolve(t.Context(), q)
			require.ErrorIs(t, err, c.err)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// An address at which no such resolver is: each has its own reason.
func TestNoResolverThere(t *testing.T) {
	plain, err := recursive().Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer plain.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	for _, scheme := range []string{"tls", "https"} {
		for address, want := range map[string]error{
			page.Listener.Addr().String(): resolver.ErrMalformed,
			free.Addr().String():          resolver.ErrRefusedConnection,
			silent.Addr().String():        resolver.ErrTimeout,
			plain.Addr().String():         nil,
			"no-such-host.invalid:853":    resolver.ErrNoAddress,
		} {
			q := about
			q.Recursor = resolver.MustParseRecursor(scheme + "://" + address)
			c := &resolver.Client{Patience: 300 * time.Millisecond}
			if want == resolver.ErrNoAddress {
				c.Dial = func(context.Context, string, string) (net.Conn, error) {
					return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "no-such-host.invalid", IsNotFound: true}}
				}
			}
			_, err := c.Resolve(t.Context(), q)
			require.Error(t, err, "%s %s", scheme, address)
			if want != nil {
				require.ErrorIs(t, err, want, "%s %s", scheme, address)
			}
		}
	}
}

// Who gives up waiting does not wait on, and nothing stays behind, whatever the connection is at.
func TestEncryptedIsCancelled(t *testing.T) {
	config, pool := certificate(t, certified)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	for _, scheme := range []string{"tls", "https"} {
		in := recursive()
		in.Fault(resolvertest.MustParseFault("127.0.0.1 drop"))
		l := listen(t, in, scheme, config)
		for name, at := range map[string]string{"handshake": silent.Addr().String(), "answer": l.Addr().String()} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				before := runtime.NumGoroutine()
				q := about
				q.Recursor = resolver.MustParseRecursor(scheme + "://" + certified + "@" + at)
				ctx, cancel := context.WithCancel(t.Context())
				timer := time.AfterFunc(30*time.Millisecond, cancel)
				defer timer.Stop()
				began := time.Now()
				_, err := (&resolver.Client{RootCAs: pool, Patience: time.Minute}).Resolve(ctx, q)
				require.ErrorIs(t, err, context.Canceled)
				require.Less(t, time.Since(began), 20*time.Second)
				goroutinesEnd(t, before)
			})
		}
	}
}

// The environment's proxy is the user's choice for other things: a library does not read it.
func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	config, pool := certificate(t, certified)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("ALL_PROXY", "http://127.0.0.1:1")
	q := about
	q.Recursor = recursorAt(listen(t, recursive(), "https", config), "https")
	_, err := (&resolver.Client{RootCAs: pool}).Resolve(t.Context(), q)
	require.NoError(t, err)
}

func TestTranscriptNamesTheRecursor(t *testing.T) {
	const text = `; acmdoctor transcript 1

ask recursor=1.1.1.1 _a79.example.com. CNAME do
error timeout

ask recursor=https://dns.quad9.net@9.9.9.9/dns-query _a79.example.com. CNAME do
reply SERVFAIL ra edns transport=https
  ede 6 "signature expired"

ask recursor=tls://9.9.9.9 _a79.example.com. CNAME do cd
error malformed no-address "x"

end
`
	tr, err := resolver.ParseTranscript(strings.NewReader(text))
	require.NoError(t, err)
	back, err := tr.MarshalText()
	require.NoError(t, err)
	require.Equal(t, text, string(back))
	q := about
	q.Recursor = resolver.MustParseRecursor("https://dns.quad9.net@9.9.9.9/")
	_, err = tr.Resolve(t.Context(), q)
	require.ErrorIs(t, err, resolver.ErrNotRecorded, "another path is another resolver")
	q.Recursor = resolver.MustParseRecursor("https://dns.quad9.net@9.9.9.9/dns-query")
	r, err := tr.Resolve(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, resolver.HTTPS, r.Transport)
	_, err = resolver.ParseTranscript(strings.NewReader("; acmdoctor transcript 1\nask recursor=gopher://x a. A"))
	require.ErrorContains(t, err, "a recursive resolver such as tls://9.9.9.9")
}

func discard() *log.Logger { return log.New(io.Discard, "", 0) }
