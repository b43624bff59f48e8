package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"

	"github.com/acmdoctor/acmdoctor/internal/simnet"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
)

// client measures one run and prints the outcome as JSON.
func client(args []string) error {
	if len(args) != 6 {
		return fmt.Errorf("client: %d arguments, expected HOW WORLD RECORDS WINDOW PORT ANCHORS", len(args))
	}
	var w simnet.World
	if err := json.Unmarshal([]byte(args[1]), &w); err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	window, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(args[4], 10, 16)
	if err != nil {
		return err
	}
	o := outcome{Records: n}
	before, begun := cpu(), time.Now()
	switch args[0] {
	case "audit":
		err = audit(&o, w, window, uint16(port), args[5])
	case "bare":
		err = bare(&o, w, uint16(port))
	case "library":
		err = library(&o, w, uint16(port))
	default:
		err = fmt.Errorf("client: %q is no way to measure", args[0])
	}
	if err != nil {
		return err
	}
	o.CPU, o.Wall, o.Peak = cpu()-before, time.Since(begun), peak()
	return json.NewEncoder(os.Stdout).Encode(o)
}

func usage() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u
}

func cpu() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peak() int64 { return usage().Maxrss << 10 }

// audit checks records as the command of that name does, so many at a time; 0: as many as it does.
func audit(o *outcome, w simnet.World, window int, port uint16, anchors string) error {
	roots, err := resolver.ParseHints(strings.NewReader(w.Hints()))
	if err != nil {
		return err
	}
	trusted, err := dnssec.ParseAnchors(strings.NewReader(anchors))
	if err != nil {
		return err
	}
	debug.SetGCPercent(35) // as the tool does
	c := &validate.Checker{Resolver: &resolver.Client{AllowPrivate: true}, Roots: roots, Port: port, Anchors: trusted, Lean: true, Concurrency: window}
	records := func(yield func(validate.Record) bool) {
		for i := range o.Records {
			name, value := w.Record(i)
			r, _, err := validate.ParseRecord("", name, value)
			if err != nil || !yield(r) {
				return
			}
		}
	}
	done := 0
	for x, err := range c.CheckEach(context.Background(), records) {
		if err != nil {
			return err
		}
		done++
		o.Questions += int64(x.Report.Queries)
		switch {
		case x.Report.Verdict == validate.Undetermined:
			o.Unknown++
		case (x.Report.Verdict == validate.Valid) != w.Valid(x.Index):
			o.Wrong++
		}
	}
	if done != o.Records {
		return fmt.Errorf("audit: %d reports for %d records", done, o.Records)
	}
	return nil
}

// question is one of those that decide about a record that is right.
type question struct {
	server netip.Addr
	name   string
	typ    uint16
}

func questions(w simnet.World, i int) []question {
	name, _ := w.Record(i)
	_, zone, _ := strings.Cut(name, ".")
	out := []question{{w.Above(i), name, dns.TypeTXT}}
	servers := w.Servers(i)
	for _, s := range servers {
		out = append(out, question{s, name, dns.TypeTXT}, question{s, zone, dns.TypeCAA})
	}
	out = append(out, question{servers[0], zone, dns.TypeNS})
	if w.IsSigned(i) {
		out = append(out, question{servers[0], zone, dns.TypeDNSKEY})
	}
	return out
}

// underWay is how many questions the bare exchange has under way.
const underWay = 512

// bare sends the same questions and takes the answers in, as cheaply as this machine can: one socket, many packets in a
// system call, nothing judged, nothing asked again.
func bare(o *outcome, w simnet.World, port uint16) error {
	c, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetReadBuffer(8 << 20)
	conn := ipv4.NewPacketConn(c)
	const batch = 64
	in, out := make([]ipv4.Message, batch), make([]ipv4.Message, batch)
	for i := range batch {
		in[i].Buffers, out[i].Buffers = [][]byte{make([]byte, 1500)}, [][]byte{make([]byte, 0, 300)}
		out[i].Addr = &net.UDPAddr{IP: make(net.IP, 4), Port: int(port)}
	}
	record, waiting, sent, id := 0, []question(nil), 0, uint16(0)
	for came := 0; came < sent || record < o.Records || len(waiting) > 0; {
		k := 0
		for ; k < batch && sent+k-came < underWay; k++ {
			if len(waiting) == 0 {
				if record == o.Records {
					break
				}
				waiting = questions(w, record)
				record++
			}
			q := waiting[0]
			waiting = waiting[1:]
			id++
			b := append(out[k].Buffers[0][:0], byte(id>>8), byte(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 1)
			for label := range strings.SplitSeq(strings.TrimSuffix(q.name, "."), ".") {
				b = append(append(b, byte(len(label))), label...)
			}
			b = append(b, 0)
			b = binary.BigEndian.AppendUint16(b, q.typ)
			out[k].Buffers[0] = append(b, 0, 1, 0, 0, byte(dns.TypeOPT), 4, 0xd0, 0, 0, 0x80, 0, 0, 0)
			a := q.server.As4()
			copy(out[k].Addr.(*net.UDPAddr).IP, a[:])
		}
		for ms := out[:k]; len(ms) > 0; {
			n, err := conn.WriteBatch(ms, 0)
			if err != nil {
				return err
			}
			ms = ms[n:]
		}
		sent += k
		if sent-came < underWay && (record < o.Records || len(waiting) > 0) {
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := conn.ReadBatch(in, 0)
		if err != nil {
			return fmt.Errorf("bare: %d of %d answers: %w", came, sent, err)
		}
		came += n
	}
	o.Questions = int64(sent)
	return nil
}

// library asks the same questions by a plain loop over the library that most tools stand on, a hundred at a time.
func library(o *outcome, w simnet.World, port uint16) error {
	type answer struct {
		n   int
		err error
	}
	records, answers := make(chan int), make(chan answer)
	for range 100 {
		go func() {
			var c dns.Client
			for i := range records {
				var a answer
				for _, q := range questions(w, i) {
					m := new(dns.Msg)
					m.SetQuestion(q.name, q.typ)
					m.RecursionDesired = false
					m.SetEdns0(1232, true)
					r, _, err := c.Exchange(m, netip.AddrPortFrom(q.server, port).String())
					if err == nil && r.Truncated {
						err = errors.New("truncated")
					}
					a.n, a.err = a.n+1, errors.Join(a.err, err)
				}
				answers <- a
			}
		}()
	}
	go func() {
		for i := range o.Records {
			records <- i
		}
		close(records)
	}()
	for range o.Records {
		a := <-answers
		if a.err != nil {
			return a.err
		}
		o.Questions += int64(a.n)
	}
	return nil
}
