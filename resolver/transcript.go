package resolver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// Transcript is what was asked and what was said, and is itself a [Resolver].
//
// With a Resolver set it records: questions are passed on, and what comes back is kept. Without one it replays: it answers
// from what it holds, with no network, and any other question fails with [ErrNotRecorded]. [ParseTranscript] reads one and
// [Transcript.MarshalText] writes one, as text that a person can read and edit:
//
//	; acmdoctor transcript 1
//	time 2026-11-24T01:00:00Z
//	note record example.com
//
//	ask 192.0.2.1:53 _a79.example.com. CNAME
//	reply NXDOMAIN aa edns udp ; 12ms
//	  authority example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 300
//
//	ask 192.0.2.2:53 _a79.example.com. CNAME do
//	error timeout
//
//	end
//
// The last line tells a whole transcript from one that was cut off, in which what is missing would read as "not there".
// The questions stand in the order of [Question.Compare], whatever order they were asked in. A line is cut at a semicolon
// that stands alone or begins a word; what follows is a comment. The server of a question to a recursive resolver is
// written "recursor=" and a text of [ParseRecursor], or "recursor" where the question leaves it open which one. The rest of
// the language: see [ParseTranscript].
//
// One question has one outcome. Of several, an answer is preferred to an error, and of two answers or two errors the later
// one is kept. The zero value is empty. Safe for concurrent use once the exported fields are set.
type Transcript struct {
	// Resolver is whom to ask and record. Nil: the transcript is replayed.
	Resolver Resolver
	// Time is the moment of the check, in seconds and fractions; the zone is not kept. Zero: not known.
	Time time.Time
	// Notes are for whoever wrote the transcript: what was checked, by which version. Their order is kept.
	Notes []Note

	mu   sync.Mutex
	held map[Question]Exchange
}

// Note is a remark at the head of a [Transcript]. Keys may occur more than once.
type Note struct {
	Key   string // one word of printable ASCII
	Value string // any text
}

// ErrBadTranscript is wrapped by the errors of [ParseTranscript] and of [Transcript.MarshalText].
var ErrBadTranscript = errors.New("not a transcript")

// TranscriptError tells where a text stops being a transcript. It wraps [ErrBadTranscript].
type TranscriptError struct {
	Line     int    // from 1
	Found    string // as it stands there; escape it before it is shown
	Expected string
}

func (e *TranscriptError) Error() string {
	return fmt.Sprintf("resolver: transcript, line %d: found %.60q, expected %s", e.Line, e.Found, e.Expected)
}

// Unwrap gives [ErrBadTranscript].
func (e *TranscriptError) Unwrap() error { return ErrBadTranscript }

// Resolve passes q on and records what comes of it, or replays. An error that is replayed has the text that it had, and
// wraps what it wrapped of the Err values of this package, [context.Canceled] and [context.DeadlineExceeded].
func (t *Transcript) Resolve(ctx context.Context, q Question) (Response, error) {
	if t.Resolver != nil {
		return t.through(ctx, t.Resolver, q)
	}
	if err := ctx.Err(); err != nil {
		return Response{}, askError(q, err)
	}
	t.mu.Lock()
	e, ok := t.held[q]
	t.mu.Unlock()
	if !ok {
		return Response{}, askError(q, ErrNotRecorded)
	}
	return e.Response.clone(), e.Err
}

// Keep records from a Resolver that keeps its connections, where the one set is a [Keeper]; see [Client.Keep].
func (t *Transcript) Keep() (r Resolver, done func()) {
	if t.Resolver == nil {
		return t, func() {}
	}
	inner, done := Keep(t.Resolver)
	return Func(func(ctx context.Context, q Question) (Response, error) { return t.through(ctx, inner, q) }), done
}

// through passes q on to r and records what comes of it.
func (t *Transcript) through(ctx context.Context, r Resolver, q Question) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, askError(q, err)
	}
	res, err := r.Resolve(ctx, q)
	t.Add(Exchange{Question: q, Response: res, Err: err})
	return res, err
}

// Add records exchanges that were had elsewhere, such as [Memo.Exchanges].
func (t *Transcript) Add(exchanges ...Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		t.held = make(map[Question]Exchange)
	}
	for _, e := range exchanges {
		if e.Err != nil {
			e.Response = Response{}
			if old, ok := t.held[e.Question]; ok && old.Err == nil {
				continue
			}
		}
		t.held[e.Question] = e.clone()
	}
}

// Exchanges gives all that the transcript holds, in the order of [Question.Compare].
func (t *Transcript) Exchanges() []Exchange {
	t.mu.Lock()
	out := make([]Exchange, 0, len(t.held))
	for _, e := range t.held {
		out = append(out, e.clone())
	}
	t.mu.Unlock()
	slices.SortFunc(out, func(a, b Exchange) int { return a.Question.Compare(b.Question) })
	return out
}

const transcriptHead = "; acmdoctor transcript 1"

// MarshalText writes the transcript. The error wraps [ErrBadTranscript] and names what cannot be written: a question
// without a name, a key of two words.
func (t *Transcript) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(transcriptHead + "\n")
	if !t.Time.IsZero() {
		at := t.Time.UTC().Format(time.RFC3339Nano)
		if _, err := parseMoment(at); err != nil {
			return nil, fmt.Errorf("resolver: write transcript: time %s: %w", at, ErrBadTranscript)
		}
		b.WriteString("time " + at + "\n")
	}
	for _, n := range t.Notes {
		if !isWord(n.Key) {
			return nil, fmt.Errorf("resolver: write transcript: note %q: %w: its key is not one word", n.Key, ErrBadTranscript)
		}
		b.WriteString(strings.TrimRight("note "+n.Key+" "+noteText(n.Value), " ") + "\n")
	}
	for _, e := range t.Exchanges() {
		if err := writeExchange(&b, e); err != nil {
			return nil, fmt.Errorf("resolver: write transcript: question %s: %w: %v", e.Question, ErrBadTranscript, err)
		}
	}
	b.WriteString("\nend\n")
	return b.Bytes(), nil
}

// WriteTo writes what [Transcript.MarshalText] gives.
func (t *Transcript) WriteTo(w io.Writer) (int64, error) {
	b, err := t.MarshalText()
	if err != nil {
		return 0, err
	}
	n, err := w.Write(b)
	if err != nil {
		err = fmt.Errorf("resolver: write transcript: %w", err)
	}
	return int64(n), err
}

// isWord reports whether s can stand between blanks and is no comment.
func isWord(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && s[0] != ';'
}

// noteText gives a value as it can stand at the end of a line, quoted only where it must be.
func noteText(s string) string {
	plain := utf8.ValidString(s) && s == strings.TrimSpace(s) && !strings.HasPrefix(s, `"`)
	for _, r := range s {
		plain = plain && strconv.IsPrint(r)
	}
	if plain {
		return s
	}
	return strconv.QuoteToASCII(s)
}

func writeExchange(b *bytes.Buffer, e Exchange) error {
	ask, err := askText(e.Question)
	if err != nil {
		return err
	}
	b.WriteString("\n" + ask + "\n")
	if e.Err != nil {
		b.WriteString(errorText(e.Question, e.Err) + "\n")
		return nil
	}
	r := e.Response
	line := []string{"reply", rcodeText(r.RCode)}
	for _, f := range replyFlags(&r) {
		if *f.on {
			line = append(line, f.word)
		}
	}
	switch {
	case r.Transport == UDP, r.Transport == TCP:
		line = append(line, string(r.Transport))
	case r.Transport != "" && isWord(string(r.Transport)):
		line = append(line, "transport="+string(r.Transport))
	case r.Transport != "":
		return fmt.Errorf("the transport %q is not one word", r.Transport)
	}
	if r.RTT > 0 || r.Tries > 1 {
		line = append(line, ";", r.RTT.Round(time.Microsecond).String())
	}
	if r.Tries > 1 {
		line = append(line, strconv.Itoa(r.Tries), "tries")
	}
	b.WriteString(strings.Join(line, " ") + "\n")
	for _, x := range r.ExtendedErrors {
		fmt.Fprintf(b, "  ede %d %s\n", x.Code, strconv.QuoteToASCII(x.Text))
	}
	for _, s := range sections(&r) {
		for _, rr := range *s.rrs {
			text, err := recordText(rr)
			if err != nil {
				return err
			}
			b.WriteString("  " + s.word + " " + text + "\n")
		}
	}
	return nil
}

const recursor = "recursor"

func askText(q Question) (string, error) {
	server := recursor
	switch {
	case q.Server != (netip.AddrPort{}):
		server = q.Server.String()
	case !q.Recursor.IsZero():
		server = recursor + "=" + q.Recursor.String()
	}
	line := []string{"ask", server, q.Name.String(), typeText(q.Type)}
	for _, f := range askFlags(&q) {
		if *f.on {
			line = append(line, f.word)
		}
	}
	text := strings.Join(line, " ")
	if back, bad := parseAsk(words(text)[1:]); bad != nil || back != q {
		return "", errors.New("its name or server cannot be written")
	}
	return text, nil
}

// typeText is Type.String, but for the numbers that the wire-format library has a mnemonic for that it does not read.
func typeText(t Type) string {
	if back, err := ParseType(t.String()); err == nil && back == t {
		return t.String()
	}
	return "TYPE" + strconv.Itoa(int(t))
}

func rcodeText(c RCode) string {
	if back, ok := parseRCode(c.String()); ok && back == c {
		return c.String()
	}
	return "RCODE" + strconv.Itoa(int(c))
}

func parseRCode(s string) (RCode, bool) {
	s = strings.ToUpper(s)
	if s == BadVers.String() {
		return BadVers, true
	}
	if c, ok := dns.StringToRcode[s]; ok {
		return RCode(c), true
	}
	digits, ok := strings.CutPrefix(s, "RCODE")
	n, err := strconv.ParseUint(digits, 10, 16)
	return RCode(n), ok && err == nil
}

type flag struct {
	word string
	on   *bool
}

func askFlags(q *Question) []flag {
	return []flag{{"rd", &q.Recursive}, {"do", &q.DNSSEC}, {"cd", &q.CheckingDisabled}, {"tcp", &q.TCP}}
}

func replyFlags(r *Response) []flag {
	return []flag{
		{"aa", &r.Authoritative},
		{"tc", &r.Truncated},
		{"ra", &r.RecursionAvailable},
		{"ad", &r.AuthenticData},
		{"edns", &r.EDNS},
		{"plain-only", &r.PlainOnly},
	}
}

type section struct {
	word string
	rrs  *[]RR
}

func sections(r *Response) []section {
	return []section{{"answer", &r.Answer}, {"authority", &r.Authority}, {"additional", &r.Additional}}
}

// recordText gives a record as a line of a zone file. Where reading that would not give the same octets back, RDATA is
// written as RFC 3597, 5 has it, which parseRecord reads without any opinion about the type.
func recordText(rr RR) (string, error) {
	head := rr.Name.String() + " " + strconv.FormatUint(uint64(rr.TTL), 10) + " IN " + typeText(rr.Type) + " "
	raw := strings.TrimRight(fmt.Sprintf(`\# %d %x`, len(rr.RDATA), rr.RDATA), " ")
	text := rr.Text()
	if strings.HasPrefix(text, `\#`) {
		text = raw
	}
	for _, data := range []string{text, raw} {
		if strings.ContainsAny(data, "\r\n") {
			continue
		}
		if back, err := parseRecord(head + data); err == nil && back == rr {
			return head + data, nil
		}
	}
	return "", fmt.Errorf("a %s record of %q cannot be written", rr.Type, rr.Name)
}

func parseRecord(text string) (RR, error) {
	f := words(text)
	if len(f) < 6 || f[4] != `\#` || !strings.EqualFold(f[2], "IN") {
		return ParseRR(text)
	}
	name, err := ParseName(f[0])
	if err != nil {
		return RR{}, err
	}
	ttl, err := strconv.ParseUint(f[1], 10, 32)
	if err != nil {
		return RR{}, fmt.Errorf("TTL %q: %w", f[1], ErrBadRR)
	}
	typ, err := ParseType(f[3])
	if err != nil {
		return RR{}, err
	}
	rdata, err := hex.DecodeString(strings.Join(f[6:], ""))
	if err != nil || f[5] != strconv.Itoa(len(rdata)) || len(rdata) > maxMessage {
		return RR{}, fmt.Errorf("RDATA of %q octets does not have that many: %w", f[5], ErrBadRR)
	}
	return RR{Name: name, Type: typ, TTL: uint32(ttl), RDATA: canonicalRDATA(typ, string(rdata))}, nil
}

// errorWords are the words for what an error wraps. They are part of the format.
var errorWords = []struct {
	word string
	err  error
}{
	{"timeout", ErrTimeout},
	{"refused-connection", ErrRefusedConnection},
	{"unroutable", ErrUnroutable},
	{"private-address", ErrPrivateAddress},
	{"truncated", ErrTruncated},
	{"malformed", ErrMalformed},
	{"not-recorded", ErrNotRecorded},
	{"budget", ErrBudget},
	{"no-server", ErrNoServer},
	{"bad-name", ErrBadName},
	{"certificate", ErrCertificate},
	{"no-address", ErrNoAddress},
	{"cancelled", context.Canceled},
	{"deadline", context.DeadlineExceeded},
}

// otherError is the word for an error that wraps none of errorWords.
const otherError = "other"

// recordedError is an error as a transcript has kept it: its words, and what it wraps.
type recordedError struct {
	text  string
	wraps []error
}

func (e *recordedError) Error() string   { return e.text }
func (e *recordedError) Unwrap() []error { return e.wraps }

// errorText gives the line of an error. The text is written only where it is not the usual one.
func errorText(q Question, err error) string {
	line := []string{"error"}
	var last error
	for _, w := range errorWords {
		if errors.Is(err, w.err) {
			line, last = append(line, w.word), w.err
		}
	}
	if last == nil {
		line = append(line, otherError)
	}
	if len(line) != 2 || last == nil || err.Error() != askError(q, last).Error() {
		line = append(line, strconv.QuoteToASCII(err.Error()))
	}
	return strings.Join(line, " ")
}

// words cuts a line at blanks, outside of quotes, and at a comment.
func words(line string) []string {
	var out []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == ';' {
			return out
		}
		end := strings.IndexAny(line, " \t")
		if line[0] == '"' {
			if q, err := strconv.QuotedPrefix(line); err == nil {
				end = len(q)
			}
		}
		if end < 0 || end == len(line) {
			return append(out, line)
		}
		out, line = append(out, line[:end]), line[end:]
	}
}

// maxLine is longer than any line that a DNS message can make.
const maxLine = 1 << 20

// ParseTranscript reads what [Transcript.MarshalText] writes, and what a person has made of it:
//
//	; acmdoctor transcript 1                                        the first line
//	time TIME                                                       as in RFC 3339
//	note KEY [TEXT]                                                 to the end of the line; in Go's quotes if need be
//	ask SERVER:PORT|recursor[=RECURSOR] NAME TYPE [rd] [do] [cd] [tcp]  then either
//	error WORD... ["TEXT"]                                          or
//	reply RCODE [aa] [tc] [ra] [ad] [edns] [plain-only] [udp|tcp|transport=WORD] and for each record, and each error of RFC 8914
//	answer|authority|additional RECORD                              as in a zone file
//	ede CODE "TEXT"
//	end                                                             the last line
//
// Blank lines, indentation and lines that begin with a semicolon mean nothing. A line has at most 1 MiB. The transcript
// replays until its Resolver is set. Errors are a [*TranscriptError], which wraps [ErrBadTranscript], or that of r.
func ParseTranscript(r io.Reader) (*Transcript, error) {
	p := transcriptParser{t: new(Transcript)}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		p.line++
		text := lines.Text()
		if p.line == 1 {
			text = strings.TrimPrefix(text, "\ufeff") // Windows' Notepad puts it there
			if strings.TrimSpace(text) != transcriptHead {
				return nil, &TranscriptError{Line: 1, Found: text, Expected: strconv.Quote(transcriptHead)}
			}
			continue
		}
		if text = strings.TrimSpace(text); text == "" || text[0] == ';' {
			continue
		}
		if err := p.read(text); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, &TranscriptError{Line: p.line + 1, Found: "a longer line", Expected: "at most 1 MiB"}
	case err != nil:
		return nil, fmt.Errorf("resolver: read transcript: %w", err)
	case p.line == 0:
		return nil, &TranscriptError{Line: 1, Found: "", Expected: strconv.Quote(transcriptHead)}
	}
	if !p.ended {
		p.line++
		return nil, p.bad("", `"end": without it the transcript may be cut off`)
	}
	return p.t, nil
}

// UnmarshalText is [ParseTranscript] into t, whose Resolver stays as it is.
func (t *Transcript) UnmarshalText(b []byte) error {
	back, err := ParseTranscript(bytes.NewReader(b))
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Time, t.Notes, t.held = back.Time, back.Notes, back.held
	return nil
}

type transcriptParser struct {
	t     *Transcript
	line  int
	asked bool // an ask line has been read, and nothing of what came of it
	open  bool // a reply line has been read: its records may follow
	now   Exchange
	ended bool // an end line has been read: nothing may follow
}

func (p *transcriptParser) bad(found, expected string) error {
	return &TranscriptError{Line: p.line, Found: found, Expected: expected}
}

// read takes one line that is neither blank nor a comment.
func (p *transcriptParser) read(text string) error {
	word, rest := text, ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		word, rest = text[:i], strings.TrimSpace(text[i:])
	}
	if p.ended {
		return p.bad(text, `nothing after "end"`)
	}
	switch word {
	case "end":
		p.ended = true
		return p.endExchange(text)
	case "time":
		at, err := parseMoment(strings.Join(words(rest), " "))
		if err != nil || !p.t.Time.IsZero() {
			return p.bad(text, "one time such as 2026-11-24T01:00:00Z")
		}
		p.t.Time = at
		return nil
	case "note":
		return p.readNote(rest)
	case "ask":
		return p.readAsk(text, rest)
	case "reply", "error":
		if !p.asked {
			return p.bad(text, `"ask" before it, and one reply or error to each`)
		}
		p.asked = false
		if word == "error" {
			return p.readError(rest)
		}
		p.open = true
		return p.readReply(rest)
	}
	for _, s := range sections(&p.now.Response) {
		if s.word != word {
			continue
		}
		if !p.open {
			return p.bad(text, `"reply" before it`)
		}
		rr, err := parseRecord(rest)
		if err != nil || strings.HasPrefix(rest, "$") {
			return p.bad(rest, "a record such as example.com. 300 IN A 192.0.2.1")
		}
		*s.rrs = append(*s.rrs, rr)
		return nil
	}
	if word == "ede" {
		return p.readExtendedError(text, rest)
	}
	return p.bad(word, "time, note, ask, reply, error, answer, authority, additional, ede, end or a comment")
}

func parseMoment(s string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, s)
	at = at.UTC()
	if y := at.Year(); err == nil && (y < 0 || y > 9999) {
		err = errors.New("the year does not have four digits")
	}
	return at, err
}

func (p *transcriptParser) readNote(rest string) error {
	key, value := rest, ""
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		key, value = rest[:i], strings.TrimSpace(rest[i:])
	}
	if !isWord(key) {
		return p.bad(rest, "a key of printable ASCII and a text")
	}
	if strings.HasPrefix(value, `"`) {
		text, err := strconv.Unquote(value)
		if err != nil {
			return p.bad(value, "a quoted text, as Go has it")
		}
		value = text
	}
	p.t.Notes = append(p.t.Notes, Note{Key: key, Value: value})
	return nil
}

func (p *transcriptParser) readAsk(text, rest string) error {
	if err := p.endExchange(text); err != nil {
		return err
	}
	q, bad := parseAsk(words(rest))
	if bad != nil {
		return p.bad(bad.Found, bad.Expected)
	}
	if _, twice := p.t.held[q]; twice {
		return p.bad(text, "a question that has not been asked yet")
	}
	p.now, p.asked = Exchange{Question: q}, true
	return nil
}

// endExchange keeps the exchange that has been read; next is what follows it.
func (p *transcriptParser) endExchange(next string) error {
	if p.asked {
		return p.bad(next, `"reply" or "error" after "ask"`)
	}
	if p.now.Err != nil || p.open {
		p.t.Add(p.now)
	}
	p.now, p.open = Exchange{}, false
	return nil
}

// parseAsk reads what follows "ask". The error has no line.
func parseAsk(f []string) (Question, *TranscriptError) {
	var q Question
	if len(f) < 3 {
		return q, &TranscriptError{Found: strings.Join(f, " "), Expected: "a server, a name and a type"}
	}
	var err error
	if name, named := strings.CutPrefix(f[0], recursor+"="); named {
		if q.Recursor, err = ParseRecursor(name); err != nil {
			return q, &TranscriptError{Found: f[0], Expected: recursor + "= and a recursive resolver such as tls://9.9.9.9"}
		}
	} else if f[0] != recursor {
		if q.Server, err = netip.ParseAddrPort(f[0]); err != nil {
			return q, &TranscriptError{Found: f[0], Expected: "an address with a port, or " + recursor}
		}
	}
	if q.Name, err = ParseName(f[1]); err != nil {
		return q, &TranscriptError{Found: f[1], Expected: "a domain name"}
	}
	if q.Type, err = ParseType(f[2]); err != nil {
		return q, &TranscriptError{Found: f[2], Expected: "a type of record"}
	}
	for _, w := range f[3:] {
		if !setFlag(askFlags(&q), w) {
			return q, &TranscriptError{Found: w, Expected: "rd, do, cd or tcp, each once"}
		}
	}
	return q, nil
}

func setFlag(flags []flag, word string) bool {
	for _, f := range flags {
		if f.word == word && !*f.on {
			*f.on = true
			return true
		}
	}
	return false
}

func (p *transcriptParser) readReply(rest string) error {
	f := words(rest)
	r := Response{Question: p.now.Question}
	ok := len(f) > 0
	if ok {
		r.RCode, ok = parseRCode(f[0])
	}
	if !ok {
		return p.bad(rest, "a response code such as NOERROR")
	}
	for _, w := range f[1:] {
		name, named := strings.CutPrefix(w, "transport=")
		if w == string(UDP) || w == string(TCP) {
			name, named = w, true
		}
		switch {
		case named && name != "" && isWord(name) && r.Transport == "":
			r.Transport = Transport(name)
		case !setFlag(replyFlags(&r), w):
			return p.bad(w, "aa, tc, ra, ad, edns, plain-only, udp or tcp, each once")
		}
	}
	p.now.Response = r
	return nil
}

func (p *transcriptParser) readExtendedError(text, rest string) error {
	f := words(rest)
	if !p.open || len(f) != 2 {
		return p.bad(text, `after "reply": a number and a quoted text`)
	}
	code, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return p.bad(f[0], "a number up to 65535")
	}
	extra, err := unquote(f[1])
	if err != nil {
		return p.bad(f[1], "a quoted text, as Go has it")
	}
	x := ExtendedError{Code: uint16(code), Text: extra}
	p.now.Response.ExtendedErrors = append(p.now.Response.ExtendedErrors, x)
	return nil
}

// unquote is strconv.Unquote for double quotes only.
func unquote(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return "", strconv.ErrSyntax
	}
	return strconv.Unquote(s)
}

func (p *transcriptParser) readError(rest string) error {
	f := words(rest)
	if len(f) == 0 {
		return p.bad(rest, "a word such as timeout")
	}
	text, quoted := "", false
	if last := f[len(f)-1]; last[0] == '"' {
		var err error
		if text, err = unquote(last); err != nil {
			return p.bad(last, "a quoted text, as Go has it")
		}
		f, quoted = f[:len(f)-1], true
	}
	e := &recordedError{text: text}
	for _, w := range f {
		i := slices.IndexFunc(errorWords, func(x struct {
			word string
			err  error
		},
		) bool {
			return x.word == w
		})
		switch {
		case i >= 0:
			e.wraps = append(e.wraps, errorWords[i].err)
		case w != otherError || len(f) > 1:
			known := otherError
			for _, x := range errorWords {
				known = x.word + ", " + known
			}
			return p.bad(w, "one of "+known)
		}
	}
	switch {
	case quoted:
	case len(e.wraps) == 1:
		p.now.Err = askError(p.now.Question, e.wraps[0])
		return nil
	default:
		return p.bad(rest, "one word, or the text of the error in quotes after the words")
	}
	p.now.Err = e
	return nil
}
