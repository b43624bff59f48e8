package rfc2136

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// fudge is by how many seconds the clocks of both ends may differ (RFC 8945, 10, recommends 300).
const fudge = 300

// line is what one call of the Client says to the server: one message at a time over one connection, which is opened for the
// first and once more when the server has closed it in between. It is for one goroutine.
//
// miekg/dns's own exchange is not used: it does not return when the context is cancelled, and it signs a connection's second
// question as if it were the continuation of the first.
type line struct {
	client *Client
	conn   net.Conn
	used   bool // an answer came over conn
}

func (c *Client) line() *line { return &line{client: c} }

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) patience() time.Duration { return cmp.Or(c.Patience, defaultPatience) }

// ask asks a question. An answer that says REFUSED is an answer, one that says the key is wrong is an error.
func (l *line) ask(ctx context.Context, name resolver.Name, t uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name.String(), t)
	m.RecursionDesired = false
	r, err := l.exchange(ctx, m, true)
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s %s: %w", l.client.server, name, dns.Type(t), err)
	}
	if len(r.Question) != 1 || r.Question[0].Qtype != t || dns.CanonicalName(r.Question[0].Name) != dns.CanonicalName(name.String()) {
		return nil, fmt.Errorf("ask %s for %s %s: the answer is to another question", l.client.server, name, dns.Type(t))
	}
	if r.Truncated {
		return nil, fmt.Errorf("ask %s for %s %s: the answer is not whole", l.client.server, name, dns.Type(t))
	}
	return r, nil
}

// exchange sends a message and waits for the answer, for as long as ctx and the Client's patience last. A message that may be
// repeated is sent once more over a new connection when the server has closed the old one. Others never are: whether the first was
// carried out, nobody knows.
func (l *line) exchange(parent context.Context, m *dns.Msg, repeat bool) (*dns.Msg, error) {
	patience := l.client.patience()
	ctx, cancel := context.WithTimeout(parent, patience)
	defer cancel()
	r, err := l.once(ctx, m)
	if repeat && l.used && (errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || isReset(err)) {
		l.close()
		r, err = l.once(ctx, m)
	}
	switch {
	case err == nil:
		l.used = true
		return r, nil
	case parent.Err() != nil:
		err = parent.Err()
	case ctx.Err() != nil:
		err = fmt.Errorf("no answer in %s: %w", patience, context.DeadlineExceeded)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the server closed the connection without an answer")
	}
	l.close() // an answer that comes late must not be taken for that to the next question
	return nil, err
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout() && op.Op != "dial"
}

func (l *line) once(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	if l.conn == nil {
		l.used = false
		dial := l.client.Dial
		if dial == nil {
			dial = new(net.Dialer).DialContext
		}
		conn, err := dial(ctx, "tcp", l.client.server)
		if err != nil {
			return nil, err
		}
		l.conn = conn
	}
	conn := l.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	wire, mac, err := l.client.sign(m)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
		return nil, err
	}
	answer, err := readMessage(conn)
	if err != nil {
		return nil, err
	}
	return l.client.verify(m, answer, mac)
}

func readMessage(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	return b, nil
}

// sign gives the message in wire form, with a TSIG record where there is a key (RFC 8945), and that record's MAC.
func (c *Client) sign(m *dns.Msg) (wire []byte, mac string, err error) {
	m = m.Copy()
	if c.key == nil {
		wire, err = m.Pack()
	} else {
		m.SetTsig(c.key.Name, c.key.Algorithm, fudge, c.now().Unix())
		wire, mac, err = dns.TsigGenerate(m, string(c.key.Secret), "", false)
	}
	if err == nil && len(wire) > dns.MaxMsgSize {
		err = fmt.Errorf("the message has %d octets, and a message has at most %d", len(wire), dns.MaxMsgSize)
	}
	return wire, mac, err
}

// verify reads an answer and makes sure that it is one: to this message, and signed where the message was. Only a refusal may come
// unsigned, since a server that does not know the key, or the zone that the key is for, cannot sign it (RFC 8945, 5.2).
func (c *Client) verify(asked *dns.Msg, wire []byte, mac string) (*dns.Msg, error) {
	r := new(dns.Msg)
	if err := r.Unpack(wire); err != nil {
		return nil, fmt.Errorf("the answer is no DNS message: %w", err)
	}
	if r.Id != asked.Id || !r.Response || r.Opcode != asked.Opcode {
		return nil, errors.New("the answer is to another message")
	}
	if c.key == nil {
		return r, nil
	}
	t := r.IsTsig()
	if t != nil && t.Error != 0 {
		return nil, c.rejected(t)
	}
	if t == nil && r.Rcode == dns.RcodeNotAuth && r.Opcode == dns.OpcodeQuery { // PowerDNS 4.7 answers so, without a TSIG record
		return nil, fmt.Errorf("NOTAUTH: the server does not accept the signature: it does not know the key %s with %s, has another secret for it, "+
			"or its clock and this machine's differ: %w", c.key.Name, c.key.Algorithm, providers.ErrPermission)
	}
	switch r.Rcode {
	case dns.RcodeRefused, dns.RcodeNotAuth, dns.RcodeServerFailure, dns.RcodeFormatError, dns.RcodeNotImplemented:
		if t == nil {
			return r, nil
		}
	}
	if t == nil {
		return nil, fmt.Errorf("the answer, %s, is not signed", dns.RcodeToString[r.Rcode])
	}
	if err := dns.TsigVerify(wire, string(c.key.Secret), mac, false); err != nil {
		return nil, fmt.Errorf("the answer is not signed rightly by the key %s: %w", c.key.Name, err)
	}
	return r, nil
}

// rejected says why the server did not accept our signature (RFC 8945, 5.2).
func (c *Client) rejected(t *dns.TSIG) error {
	switch t.Error {
	case dns.RcodeBadKey:
		return fmt.Errorf("the server has no key %s with %s: %w", c.key.Name, c.key.Algorithm, providers.ErrPermission)
	case dns.RcodeBadSig:
		return fmt.Errorf("the server has another secret for the key %s: %w", c.key.Name, providers.ErrPermission)
	case dns.RcodeBadTime:
		differ := ""
		if raw, err := hex.DecodeString(t.OtherData); err == nil && len(raw) == 6 {
			theirs := time.Unix(int64(binary.BigEndian.Uint64(append([]byte{0, 0}, raw...))), 0)
			differ = ": here it is " + c.now().UTC().Format(time.RFC3339) + ", there " + theirs.UTC().Format(time.RFC3339)
		}
		return fmt.Errorf("the server's clock and this machine's differ too much for a signature%s: %w", differ, providers.ErrPermission)
	}
	name, ok := dns.RcodeToString[int(t.Error)]
	if !ok {
		name = strconv.Itoa(int(t.Error))
	}
	return fmt.Errorf("the server does not accept the signature by the key %s: %s: %w", c.key.Name, name, providers.ErrPermission)
}
