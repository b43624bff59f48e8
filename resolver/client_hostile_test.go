package resolver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// link is one connection of a client to a server that a test writes as a function. It lives in a synctest bubble: no
// socket, no real time.
type link struct {
	tcp    bool
	in     chan []byte // to the client: a datagram or a piece of the stream; nil ends the stream
	rest   []byte
	closed chan struct{}
	once   sync.Once
	got    func(l *link, wire []byte)
}

func (l *link) Read(b []byte) (int, error) {
	for len(l.rest) == 0 {
		select {
		case <-l.closed:
			return 0, net.ErrClosed
		case chunk := <-l.in:
			if chunk == nil {
				return 0, io.EOF
			}
			l.rest = chunk
			if !l.tcp && len(chunk) == 0 {
				return 0, nil
			}
		}
	}
	n := copy(b, l.rest)
	if l.rest = l.rest[n:]; !l.tcp {
		l.rest = nil
	}
	return n, nil
}

func (l *link) Write(b []byte) (int, error) {
	wire := slices.Clone(b)
	if l.tcp {
		wire = wire[2:]
	}
	l.got(l, wire)
	return len(b), nil
}

func (l *link) Close() error                     { l.once.Do(func() { close(l.closed) }); return nil }
func (l *link) LocalAddr() net.Addr              { return nil }
func (l *link) RemoteAddr() net.Addr             { return nil }
func (l *link) SetDeadline(time.Time) error      { return nil }
func (l *link) SetReadDeadline(time.Time) error  { return nil }
func (l *link) SetWriteDeadline(time.Time) error { return nil }

// after sends wire to the client when d has passed.
func (l *link) after(d time.Duration, wire []byte) {
	if l.tcp && wire != nil {
		wire = append([]byte{byte(len(wire) >> 8), byte(len(wire))}, wire...)
	}
	time.AfterFunc(d, func() {
		select {
		case l.in <- wire:
		case <-l.closed:
		}
	})
}

// heard is one message as the hostile server got it.
type heard struct {
	*link
	*dns.Msg
	nth  int // from 1, of its transport
	edns bool
}

func (h heard) reply(change func(r *dns.Msg)) {
	h.after(10*time.Millisecond, h.pack(change))
}

func (h heard) pack(change func(r *dns.Msg)) []byte {
	r := answerTo(h.Msg)
	if change != nil {
		change(r)
	}
	b, err := r.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// hostile makes the Dial of a server. refuse, where set, is the error of connecting.
func hostile(serve func(h heard), refuse func(network string) error) func(context.Context, string, string) (net.Conn, error) {
	var mu sync.Mutex
	count := map[bool]int{}
	return func(_ context.Context, network, address string) (net.Conn, error) {
		if address != "192.0.2.53:53" && address != "[2001:db8::53]:53" {
			return nil, errors.New("asked " + address)
		}
		if refuse != nil {
			if err := refuse(network); err != nil {
				return nil, &net.OpError{Op: "dial", Net: network, Err: err}
			}
		}
		return &link{tcp: network == "tcp", in: make(chan []byte), closed: make(chan struct{}), got: func(l *link, wire []byte) {
			m := new(dns.Msg)
			if err := m.Unpack(wire); err != nil {
				panic(err)
			}
			mu.Lock()
			count[l.tcp]++
			h := heard{link: l, Msg: m, nth: count[l.tcp], edns: m.IsEdns0() != nil}
			mu.Unlock()
			serve(h)
		}}, nil
	}
}

func silent(heard) {}

func garbled(r *dns.Msg) { r.Question[0].Name = "forged.example.net." }

func truncated(r *dns.Msg) { r.Truncated, r.Answer = true, nil }

// formErr is what a server says that has never heard of EDNS (RFC 6891, 7).
func formErr(r *dns.Msg) {
	r.Rcode, r.Answer, r.Extra, r.Authoritative = dns.RcodeFormatError, nil, nil, false
}

func TestClientHostileServers(t *testing.T) {
	cname := []RR{MustParseRR("_a79.example.com. 300 CNAME _424.acm-validations.aws.")}
	type want struct {
		err    error
		took   time.Duration
		tries  int
		by     Transport
		edns   bool
		rcode  RCode
		silent bool // no records
	}
	const rtt = 10 * time.Millisecond
	for _, c := range []struct {
		name   string
		serve  func(h heard)
		refuse func(network string) error
		tcp    bool // the question wants TCP
		do     bool
		want   want
	}{{
		name: "answers", serve: func(h heard) { h.reply(nil) },
		want: want{took: rtt, tries: 1, by: UDP, edns: true},
	}, {
		name: "answers over TCP when asked so", tcp: true, serve: func(h heard) { h.reply(nil) },
		want: want{took: rtt, tries: 1, by: TCP, edns: true},
	}, {
		name: "silent", serve: silent,
		want: want{err: ErrTimeout, took: 4 * time.Second},
	}, {
		name: "silent over TCP", tcp: true, serve: silent,
		want: want{err: ErrTimeout, took: 4 * time.Second},
	}, {
		name: "first packet lost",
		serve: func(h heard) {
			if h.nth > 1 {
				h.reply(nil)
			}
		},
		want: want{took: 800*time.Millisecond + rtt, tries: 2, by: UDP, edns: true},
	}, {
		name: "first packet slow, second lost: the late answer counts",
		serve: func(h heard) {
			if h.nth == 1 {
				h.after(1500*time.Millisecond, h.pack(nil))
			}
		},
		want: want{took: 1500 * time.Millisecond, tries: 2, by: UDP, edns: true},
	}, {
		name: "another ID, then ours",
		serve: func(h heard) {
			h.after(time.Millisecond, h.pack(func(r *dns.Msg) { r.Id++; r.Rcode = dns.RcodeNameError }))
			h.reply(nil)
		},
		want: want{took: rtt, tries: 1, by: UDP, edns: true},
	}, {
		name:  "another ID only",
		serve: func(h heard) { h.reply(func(r *dns.Msg) { r.Id++ }) },
		want:  want{err: ErrTimeout, took: 4 * time.Second},
	}, {
		name: "another question, then ours",
		serve: func(h heard) {
			h.after(time.Millisecond, h.pack(garbled))
			h.reply(nil)
		},
		want: want{took: rtt, tries: 1, by: UDP, edns: true},
	}, {
		name:  "another question only",
		serve: func(h heard) { h.reply(garbled) },
		want:  want{err: ErrMalformed, took: 4 * time.Second},
	}, {
		name:  "our own message back",
		serve: func(h heard) { h.reply(func(r *dns.Msg) { r.Response = false }) },
		want:  want{err: ErrMalformed, took: 4 * time.Second},
	}, {
		name: "garbage under our ID once: the next try at once",
		serve: func(h heard) {
			if h.nth == 1 {
				h.after(rtt, append(h.pack(nil)[:20], 0xff, 0xff, 0xff))
				return
			}
			h.reply(nil)
		},
		want: want{took: 2 * rtt, tries: 2, by: UDP, edns: true},
	}, {
		name:  "garbage under our ID always",
		serve: func(h heard) { h.after(rtt, append(h.pack(nil)[:20], 0xff, 0xff, 0xff)) },
		want:  want{err: ErrMalformed, took: 4 * rtt},
	}, {
		name:  "noise, empty datagrams among it",
		serve: func(h heard) { h.after(1, []byte{}); h.after(2, []byte{1}); h.reply(nil) },
		want:  want{took: rtt, tries: 1, by: UDP, edns: true},
	}, {
		name: "a flood of strays",
		serve: func(h heard) {
			if !h.tcp {
				for range 2 * maxStrays {
					h.after(rtt, make([]byte, 12))
				}
			}
		},
		want: want{err: ErrMalformed, took: 4 * time.Second},
	}, {
		name: "a giant over TCP",
		serve: func(h heard) {
			h.reply(func(r *dns.Msg) {
				if !h.tcp {
					truncated(r)
					return
				}
				for range 3000 {
					r.Answer = append(r.Answer, r.Answer[0])
				}
				r.Compress = true
			})
		},
		want: want{took: 2 * rtt, tries: 2, by: TCP, edns: true},
	}, {
		name: "truncated, then TCP",
		serve: func(h heard) {
			h.reply(func(r *dns.Msg) {
				if !h.tcp {
					truncated(r)
				}
			})
		},
		want: want{took: 2 * rtt, tries: 2, by: TCP, edns: true},
	}, {
		name:  "truncated, and TCP refused",
		serve: func(h heard) { h.reply(truncated) },
		refuse: func(network string) error {
			if network == "tcp" {
				return syscall.ECONNREFUSED
			}
			return nil
		},
		want: want{err: ErrTruncated, took: 3 * rtt},
	}, {
		name: "truncated, and TCP closed at once",
		serve: func(h heard) {
			if h.tcp {
				h.after(rtt, nil)
				return
			}
			h.reply(truncated)
		},
		want: want{err: ErrTruncated, took: 5 * rtt},
	}, {
		name:  "truncated over TCP, too",
		serve: func(h heard) { h.reply(truncated) },
		want:  want{err: ErrTruncated, took: 5 * rtt},
	}, {
		name: "truncated, and TCP silent",
		serve: func(h heard) {
			if !h.tcp {
				h.reply(truncated)
			}
		},
		want: want{err: ErrTruncated, took: 4 * time.Second},
	}, {
		name: "one packet truncated on the way, TCP silent: the next datagram is whole",
		serve: func(h heard) {
			if !h.tcp {
				h.reply(func(r *dns.Msg) {
					if h.nth == 1 {
						truncated(r)
					}
				})
			}
		},
		want: want{took: rtt + 1200*time.Millisecond + rtt, tries: 3, by: UDP, edns: true},
	}, {
		name: "truncated, first TCP connection dies, second answers",
		serve: func(h heard) {
			switch {
			case !h.tcp:
				h.reply(truncated)
			case h.nth == 1:
				h.after(rtt, nil)
			default:
				h.reply(nil)
			}
		},
		want: want{took: 3 * rtt, tries: 3, by: TCP, edns: true},
	}, {
		name: "FORMERR to EDNS",
		serve: func(h heard) {
			h.reply(func(r *dns.Msg) {
				if h.edns {
					formErr(r)
				}
			})
		},
		want: want{took: 2 * rtt, tries: 2, by: UDP},
	}, {
		name: "FORMERR to EDNS with DO: unsigned is then the whole answer", do: true,
		serve: func(h heard) {
			h.reply(func(r *dns.Msg) {
				if h.edns {
					formErr(r)
				}
			})
		},
		want: want{took: 2 * rtt, tries: 2, by: UDP},
	}, {
		name: "NOTIMP without the question, to EDNS over TCP", tcp: true,
		serve: func(h heard) {
			h.reply(func(r *dns.Msg) {
				if h.edns {
					formErr(r)
					r.Rcode, r.Question = dns.RcodeNotImplemented, nil
				}
			})
		},
		want: want{took: 2 * rtt, tries: 2, by: TCP},
	}, {
		name: "BADVERS",
		serve: func(h heard) {
			h.reply(func(r *dns.Msg) {
				if h.edns {
					r.Rcode, r.Answer = dns.RcodeBadVers, nil
				}
			})
		},
		want: want{took: 2 * rtt, tries: 2, by: UDP},
	}, {
		name: "FORMERR to EDNS, silent without: FORMERR it is",
		serve: func(h heard) {
			if h.edns {
				h.reply(formErr)
			}
		},
		want: want{took: 4 * time.Second, tries: 5, by: UDP, rcode: FormErr, silent: true},
	}, {
		name: "FORMERR to EDNS, slower than a try: asked without EDNS once",
		serve: func(h heard) {
			if h.edns {
				h.after(900*time.Millisecond, h.pack(formErr))
				return
			}
			h.after(900*time.Millisecond, h.pack(nil))
		},
		want: want{took: 1800 * time.Millisecond, tries: 3, by: UDP},
	}, {
		name:  "FORMERR always",
		serve: func(h heard) { h.reply(formErr) },
		want:  want{took: 2 * rtt, tries: 2, by: UDP, rcode: FormErr, silent: true},
	}, {
		name: "drops EDNS",
		serve: func(h heard) {
			if !h.edns {
				h.reply(nil)
			}
		},
		want: want{took: 2*time.Second + rtt, tries: 4, by: UDP},
	}, {
		name: "drops EDNS over UDP, signatures wanted: TCP brings them", do: true,
		serve: func(h heard) {
			if h.tcp {
				h.after(3*rtt, h.pack(nil))
			} else if !h.edns {
				h.reply(nil)
			}
		},
		want: want{took: 2*time.Second + 3*rtt, tries: 4, by: TCP, edns: true},
	}, {
		name: "drops EDNS and TCP, signatures wanted", do: true,
		serve: func(h heard) {
			if !h.edns {
				h.reply(nil)
			}
		},
		want: want{took: 3*time.Second + rtt, tries: 4, by: UDP},
	}, {
		name: "drops EDNS and refuses TCP, signatures wanted", do: true,
		serve: func(h heard) {
			if !h.edns {
				h.reply(nil)
			}
		},
		refuse: func(network string) error {
			if network == "tcp" {
				return syscall.ECONNREFUSED
			}
			return nil
		},
		want: want{took: 2*time.Second + rtt, tries: 5, by: UDP},
	}, {
		name: "drops EDNS and closes TCP, signatures wanted: no reason to wait longer", do: true,
		serve: func(h heard) {
			if h.tcp {
				h.after(3*rtt, nil)
			} else if !h.edns {
				h.reply(nil)
			}
		},
		want: want{took: 2*time.Second + 3*rtt, tries: 4, by: UDP},
	}, {
		name:  "SERVFAIL is an answer",
		serve: func(h heard) { h.reply(func(r *dns.Msg) { r.Rcode, r.Answer = dns.RcodeServerFailure, nil }) },
		want:  want{took: rtt, tries: 1, by: UDP, edns: true, rcode: ServFail, silent: true},
	}, {
		name: "nothing listens", serve: silent,
		refuse: func(string) error { return syscall.ECONNREFUSED },
		want:   want{err: ErrRefusedConnection},
	}, {
		name: "UDP refused, TCP answers", serve: func(h heard) { h.reply(nil) },
		refuse: func(network string) error {
			if network == "udp" {
				return syscall.ECONNREFUSED
			}
			return nil
		},
		want: want{took: rtt, tries: 4, by: TCP, edns: true},
	}, {
		name: "no route", serve: silent,
		refuse: func(string) error { return syscall.ENETUNREACH },
		want:   want{err: ErrUnroutable},
	}, {
		name: "no route over TCP", tcp: true, serve: silent,
		refuse: func(string) error { return syscall.EHOSTUNREACH },
		want:   want{err: ErrUnroutable},
	}, {
		name: "a filter rejects TCP, UDP is silent", serve: silent,
		refuse: func(network string) error {
			if network == "tcp" {
				return syscall.EHOSTUNREACH
			}
			return nil
		},
		want: want{err: ErrTimeout, took: 4 * time.Second},
	}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := Client{Dial: hostile(c.serve, c.refuse)}
				q := asked
				q.Server, q.TCP, q.DNSSEC = netip.MustParseAddrPort("192.0.2.53:53"), c.tcp, c.do
				start := time.Now()
				r, err := client.Resolve(t.Context(), q)
				require.Equal(t, c.want.took, time.Since(start))
				if c.want.err != nil {
					require.ErrorIs(t, err, c.want.err)
					require.ErrorContains(t, err, "resolver: ask 192.0.2.53:53 for _a79.example.com. CNAME: ")
					require.Zero(t, r)
					return
				}
				require.NoError(t, err)
				require.Equal(t, c.want.by, r.Transport)
				require.Equal(t, c.want.tries, r.Tries)
				require.Equal(t, c.want.rcode, r.RCode)
				require.Equal(t, c.want.edns, r.EDNS)
				require.Equal(t, strings.HasPrefix(c.name, "drops EDNS") && !r.EDNS, r.PlainOnly)
				require.False(t, r.Truncated)
				require.Equal(t, q, r.Question)
				if c.want.silent {
					require.Empty(t, r.Answer)
				} else {
					require.Equal(t, cname, r.Answer[:1])
				}
			})
		})
	}
}

// A question that is under way ends with its context, at the very moment, and with the context's error.
func TestClientCancellation(t *testing.T) {
	for _, serve := range []func(h heard){
		silent,
		func(h heard) { h.reply(garbled) },
		func(h heard) { // truncated, and TCP hangs
			if !h.tcp {
				h.reply(truncated)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := Client{Dial: hostile(serve, nil)}
			q := asked
			q.Server = netip.MustParseAddrPort("[2001:db8::53]:53")
			for _, at := range []time.Duration{0, 1, time.Second, 2 * time.Second, 3 * time.Second} {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(at, cancel)
				start := time.Now()
				_, err := client.Resolve(ctx, q)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, at, time.Since(start))

				ctx, cancel = context.WithTimeout(t.Context(), at)
				start = time.Now()
				_, err = client.Resolve(ctx, q)
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, at, time.Since(start))
			}
		})
	}
}

// lingering is a connection that takes its time to end a Read when it is closed.
type lingering struct {
	net.Conn
	reading *atomic.Int32
}

func (l lingering) Read(b []byte) (int, error) {
	l.reading.Add(1)
	defer l.reading.Add(-1)
	n, err := l.Conn.Read(b)
	if errors.Is(err, net.ErrClosed) {
		time.Sleep(time.Millisecond)
	}
	return n, err
}

// Nothing of a call goes on after it: neither when an answer came nor when there was none.
func TestClientLeavesNothingBehind(t *testing.T) {
	for _, serve := range []func(h heard){
		silent,
		func(h heard) {
			if !h.edns {
				h.reply(nil)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var reading atomic.Int32
			dial := hostile(serve, nil)
			client := Client{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return lingering{conn, &reading}, err
			}}
			q := asked
			q.Server = netip.MustParseAddrPort("192.0.2.53:53")
			for _, patience := range []time.Duration{time.Second, time.Minute} {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, _ = client.Resolve(ctx, q) // whatever came of it
				cancel()
				require.Zero(t, reading.Load())
			}
		})
	}
}

// A short deadline shrinks the schedule, so that all tries fit in and none is given up for want of time.
func TestClientScalesWithDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := Client{Dial: hostile(func(h heard) {
			if !h.edns {
				h.reply(nil)
			}
		}, nil)}
		q := asked
		q.Server = netip.MustParseAddrPort("192.0.2.53:53")
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		r, err := client.Resolve(ctx, q)
		require.NoError(t, err)
		require.Equal(t, 110*time.Millisecond, time.Since(start))
		require.Equal(t, 10*time.Millisecond, r.RTT)

		client.Patience = 100 * time.Millisecond
		start = time.Now()
		_, err = client.Resolve(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, 60*time.Millisecond, time.Since(start))
	})
}

func TestClientRecursors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var recursive []bool
		var mu sync.Mutex
		dial := hostile(func(h heard) {
			mu.Lock()
			recursive = append(recursive, h.RecursionDesired)
			mu.Unlock()
			h.reply(nil)
		}, nil)
		private := netip.MustParseAddrPort("127.0.0.53:53")
		client := Client{
			Recursors: []Recursor{PlainRecursor(private), MustParseRecursor("192.0.2.53")},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == private.String() { // silent
					return hostile(silent, nil)(ctx, network, "192.0.2.53:53")
				}
				return dial(ctx, network, address)
			},
		}
		start := time.Now()
		r, err := client.Resolve(t.Context(), asked)
		require.NoError(t, err)
		require.Equal(t, 2*time.Second+10*time.Millisecond, time.Since(start), "the two share patience")
		require.Equal(t, asked, r.Question)
		require.Equal(t, 5, r.Tries)
		require.Equal(t, []bool{true}, recursive)

		client.Recursors = client.Recursors[:1]
		_, err = client.Resolve(t.Context(), asked)
		require.ErrorIs(t, err, ErrTimeout)
		require.ErrorContains(t, err, "127.0.0.53")

		client.Recursors = nil
		_, err = client.Resolve(t.Context(), asked)
		require.ErrorIs(t, err, ErrNoServer)
	})
}

// The law "No flip" at its root: whichever single packet is lost, late, truncated, mangled or answered under another
// question, what comes out is the same.
func TestClientOneBadPacket(t *testing.T) {
	faults := map[string]func(h heard, r []byte){
		"lost":      func(heard, []byte) {},
		"late":      func(h heard, r []byte) { h.after(3*time.Second, r) },
		"truncated": func(h heard, _ []byte) { h.reply(truncated) },
		"mangled":   func(h heard, r []byte) { h.after(10*time.Millisecond, r[:len(r)-3]) },
		"cut off":   func(h heard, r []byte) { h.after(10*time.Millisecond, r[:12+len(asked.Name.Wire())+4]) },
		"forged":    func(h heard, _ []byte) { h.reply(garbled) },
		"closed": func(h heard, _ []byte) {
			if h.tcp {
				h.after(0, nil)
			}
		},
	}
	servers := map[string]func(h heard) func(*dns.Msg){
		"plain": func(heard) func(*dns.Msg) { return nil },
		"large": func(h heard) func(*dns.Msg) {
			if !h.tcp {
				return truncated
			}
			return nil
		},
		"old": func(h heard) func(*dns.Msg) {
			if h.edns {
				return formErr
			}
			return nil
		},
	}
	for server, behave := range servers {
		for fault, spoil := range faults {
			for bad := 1; bad <= 4; bad++ {
				for _, tcp := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						var mu sync.Mutex
						seen := 0
						client := Client{Dial: hostile(func(h heard) {
							mu.Lock()
							seen++
							now := seen
							mu.Unlock()
							if now == bad {
								spoil(h, h.pack(behave(h)))
								return
							}
							h.reply(behave(h))
						}, nil)}
						q := asked
						q.Server, q.TCP, q.DNSSEC = netip.MustParseAddrPort("192.0.2.53:53"), tcp, true
						r, err := client.Resolve(t.Context(), q)
						require.NoError(t, err, "%s server, packet %d %s, tcp %v", server, bad, fault, tcp)
						require.Len(t, r.Answer, 1)
						require.Equal(t, NoError, r.RCode)
						require.Equal(t, server != "old", r.EDNS)
					})
				}
			}
		}
	}
}
