package resolver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sample = `; acmdoctor transcript 1
time 2026-11-24T01:00:00.5Z
note record example.com _a79.example.com. _424.acm-validations.aws.
note record example.net
note empty
note odd " \" \n\u00a0"

ask recursor _a79.example.com. CNAME do cd
error private-address

ask 192.0.2.1:53 _a79.example.com. CNAME
reply NXDOMAIN aa edns plain-only udp
  ede 22 "No Reachable Authority; \x1b[31m"
  ede 0 ""
  authority example.com. 300 IN SOA ns1.example.com. host\.master.example.com. 1 7200 900 1209600 300

ask 192.0.2.1:53 _a79.example.com. CNAME tcp
reply NOERROR tc ra ad transport=https
  answer _a79.example.com. 0 IN CNAME _424.acm-validations.aws.
  answer a\;\032b.example.com. 4294967295 IN TXT "a;\"b" "" "\000\255"
  additional ns1.example.com. 300 IN AAAA 2001:db8::1
  additional ns1.example.com. 300 IN TYPE65280 \# 2 abcd
  additional ns1.example.com. 300 IN A \# 2 abcd
  additional ns1.example.com. 300 IN TYPE65281 \# 0

ask 192.0.2.2:53 _a79.example.com. CNAME rd
error timeout

ask [2001:db8::1]:53 . TYPE0
error timeout truncated "both at once"

ask [2001:db8::1]:53 . NS
error other "\xff\u00e4"

ask [2001:db8::1]:53 . CAA
reply RCODE3841

end
`

func TestTranscriptText(t *testing.T) {
	tr, err := ParseTranscript(strings.NewReader(sample))
	require.NoError(t, err)
	text, err := tr.MarshalText()
	require.NoError(t, err)
	require.Equal(t, sample, string(text))

	require.Equal(t, time.Date(2026, 11, 24, 1, 0, 0, 5e8, time.UTC), tr.Time)
	require.Equal(t, Note{"odd", " \" \n\u00a0"}, tr.Notes[3])
	q := Question{Name: asked.Name, Type: TypeCNAME, Server: netip.MustParseAddrPort("192.0.2.1:53")}
	r, err := tr.Resolve(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, Response{
		Question: q, RCode: NXDomain, Authoritative: true, EDNS: true, PlainOnly: true, Transport: UDP,
		Authority:      []RR{MustParseRR(`example.com. SOA ns1.example.com. host\.master.example.com. 1 7200 900 1209600 300`)},
		ExtendedErrors: []ExtendedError{{22, "No Reachable Authority; \x1b[31m"}, {}},
	}, r)
	r.Authority[0] = RR{}
	again, err := tr.Resolve(t.Context(), q)
	require.NoError(t, err)
	require.NotEqual(t, r, again, "a copy a caller")

	q.TCP = true
	r, err = tr.Resolve(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, Transport("https"), r.Transport)
	require.True(t, r.Truncated && r.RecursionAvailable && r.AuthenticData && !r.Authoritative && !r.EDNS)
	require.Equal(t, []string{`a;"b`, "", "\x00\xff"}, r.Answer[1].Strings())
	require.Equal(t, "\xab\xcd", r.Additional[2].RDATA)
	require.Equal(t, "", r.Additional[3].RDATA)

	q.DNSSEC = true
	_, err = tr.Resolve(t.Context(), q)
	require.ErrorIs(t, err, ErrNotRecorded)
	_, err = new(Transcript).Resolve(t.Context(), q)
	require.ErrorIs(t, err, ErrNotRecorded)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tr.Resolve(cancelled, asked)
	require.ErrorIs(t, err, context.Canceled)
}

// What a person may do to the text: blanks, comments, letter case, a byte-order mark, lines ended as Windows does.
func TestTranscriptEdited(t *testing.T) {
	tr, err := ParseTranscript(strings.NewReader("\ufeff; acmdoctor transcript 1 \r\n; made by hand\r\n\r\n" +
		"\task 192.0.2.1:53\t_A79.Example.com cname ; this one\r\n reply nxdomain aa;no comment\r\n"))
	require.ErrorContains(t, err, `line 5: found "aa;no", expected aa, tc, ra`)
	require.Nil(t, tr)
	tr, err = ParseTranscript(strings.NewReader("\ufeff; acmdoctor transcript 1 \r\n; made by hand\r\n\r\n" +
		"\task 192.0.2.1:53\t_A79.Example.com cname ; this one\r\n reply nxdomain aa ; 3s\r\n" +
		"answer _A79.Example.com. 1h CNAME\tX.\t; moved\r\nend\r\n"))
	require.NoError(t, err)
	require.Len(t, tr.Exchanges(), 1)
	require.Equal(t, []RR{MustParseRR("_a79.example.com. 3600 CNAME x.")}, tr.Exchanges()[0].Response.Answer)
}

func TestTranscriptErrors(t *testing.T) {
	const head = "; acmdoctor transcript 1\n"
	const ask = head + "ask 192.0.2.1:53 a. A\n"
	for text, want := range map[string]string{
		"":                           `line 1: found "", expected "; acmdoctor transcript 1"`,
		"{}":                         `line 1: found "{}", expected`,
		"; acmdoctor transcript 2\n": `line 1: found "; acmdoctor transcript 2", expected`,
		head + "\nhello world\n":     `line 3: found "hello", expected time, note, ask`,
		head + "time now":            `line 2: found "time now", expected one time such as`,
		head + "time 2026-11-24T01:00:00Z\ntime 2026-11-24T01:00:00Z": `line 3: found "time 2026`,
		head + "time 9999-12-31T23:59:59-01:00":                       `line 2`,
		head + "note":                                                 `line 2: found "", expected a key`,
		head + `note x "y`:                                            `line 2: found "\"y", expected a quoted text`,
		head + "ask":                                                  `expected a server, a name and a type`,
		head + "ask 192.0.2.1 a. A":                                   `line 2: found "192.0.2.1", expected an address with a port, or recursor`,
		head + "ask recursor a..b A":                                  `line 2: found "a..b", expected a domain name`,
		head + "ask recursor a. WHAT":                                 `line 2: found "WHAT", expected a type of record`,
		head + "ask recursor a. A rd rd":                              `line 2: found "rd", expected rd, do, cd or tcp, each once`,
		head + "reply NOERROR":                                        `line 2: found "reply NOERROR", expected "ask" before it`,
		head + "answer a. A 192.0.2.1":                                `line 2: found "answer a. A 192.0.2.1", expected "reply" before it`,
		ask:                                                           `line 3: found "", expected "end": without it the transcript may be cut off`,
		ask + "end\n":                                                 `line 3: found "end", expected "reply" or "error" after "ask"`,
		ask + "error timeout\nend\nend\n":                             `line 5: found "end", expected nothing after "end"`,
		ask + "answer a. A 192.0.2.1":                                 `expected "reply" before it`,
		ask + "ask recursor b. A":                                     `line 3: found "ask recursor b. A", expected "reply" or "error"`,
		ask + "reply":                                                 `line 3: found "", expected a response code`,
		ask + "reply FINE":                                            `line 3: found "FINE", expected a response code`,
		ask + "reply NOERROR udp tcp":                                 `line 3: found "tcp", expected`,
		ask + "reply NOERROR\nreply NOERROR":                          `line 4`,
		ask + "reply NOERROR\nerror timeout":                          `line 4`,
		ask + "reply NOERROR\nanswer a. A":                            `line 4: found "a. A", expected a record`,
		ask + "reply NOERROR\nanswer $TTL 5":                          `line 4`,
		ask + "reply NOERROR\nanswer $GENERATE 1-2 a A 192.0.2.$":     `line 4`,
		ask + "reply NOERROR\nanswer a. 1 IN A \\# 5 abcd":            `line 4`,
		ask + "reply NOERROR\nede 1":                                  `line 4: found "ede 1", expected`,
		ask + "reply NOERROR\nede 70000 \"\"":                         `line 4: found "70000", expected a number`,
		ask + "reply NOERROR\nede 1 `x`":                              `line 4`,
		ask + "error":                                                 `line 3: found "", expected a word`,
		ask + "error flood":                                           `line 3: found "flood", expected one of`,
		ask + "error other":                                           `line 3: found "other", expected one word, or the text`,
		ask + "error timeout truncated":                               `line 3`,
		ask + "error timeout\n" + "ask 192.0.2.1:53 A. a":             `line 4: found "ask 192.0.2.1:53 A. a", expected a question that`,
		head + "; " + strings.Repeat("x", maxLine):                    `line 2: found "a longer line"`,
	} {
		_, err := ParseTranscript(strings.NewReader(text))
		require.ErrorIs(t, err, ErrBadTranscript, text)
		require.ErrorContains(t, err, want, text)
		var where *TranscriptError
		require.ErrorAs(t, err, &where)
	}
	for what, tr := range map[string]*Transcript{
		"two words": {Notes: []Note{{Key: "two words"}}},
		"no key":    {Notes: []Note{{}}},
		"year":      {Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"no name":   {held: map[Question]Exchange{{}: {}}},
		"transport": {held: map[Question]Exchange{asked: {Question: asked, Response: Response{Transport: "a b"}}}},
	} {
		_, err := tr.MarshalText()
		require.ErrorIs(t, err, ErrBadTranscript, what)
	}
}

// Each error comes back from the text with its words and with everything it wrapped.
func TestTranscriptKeepsErrors(t *testing.T) {
	sentinels := []error{
		ErrTimeout, ErrRefusedConnection, ErrUnroutable, ErrPrivateAddress, ErrTruncated, ErrMalformed, ErrNotRecorded,
		ErrBudget, ErrNoServer, ErrBadName, context.Canceled, context.DeadlineExceeded,
	}
	recording := &Transcript{}
	var want []error
	for i, sentinel := range sentinels {
		for j, err := range []error{
			askError(asked, sentinel),
			fmt.Errorf("a proxy: %w: \x1b[2J", sentinel),
			fmt.Errorf("%w, %w", sentinel, ErrTimeout),
			sentinel,
		} {
			q := asked
			q.Server = netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(100*i+j+1))
			recording.Resolver = Func(func(context.Context, Question) (Response, error) { return answered(q), err })
			_, got := recording.Resolve(t.Context(), q)
			require.Equal(t, err, got)
			want = append(want, err)
		}
	}
	text, err := recording.MarshalText()
	require.NoError(t, err)
	replay, err := ParseTranscript(bytes.NewReader(text))
	require.NoError(t, err)
	for i, e := range recording.Exchanges() {
		r, err := replay.Resolve(t.Context(), e.Question)
		require.Zero(t, r)
		require.EqualError(t, err, want[i].Error())
		for _, s := range sentinels {
			require.Equal(t, errors.Is(want[i], s), errors.Is(err, s), "%v is %v", err, s)
		}
	}
}

func TestTranscriptPrefersAnswers(t *testing.T) {
	tr := new(Transcript)
	first, second := answered(asked), answered(asked)
	second.RCode = ServFail
	tr.Add(Exchange{Question: asked, Err: ErrTimeout})
	require.ErrorIs(t, tr.Exchanges()[0].Err, ErrTimeout)
	tr.Add(Exchange{Question: asked, Response: first})
	require.Equal(t, first, tr.Exchanges()[0].Response)
	tr.Add(Exchange{Question: asked, Err: ErrTimeout}, Exchange{Question: asked, Response: second})
	require.Equal(t, second, tr.Exchanges()[0].Response)
	second.Answer[0] = RR{}
	require.NotEqual(t, second, tr.Exchanges()[0].Response)
}

// RTT and tries stand in the text for people, as a comment, and are not part of what was said.
func TestTranscriptTimes(t *testing.T) {
	r := answered(asked)
	r.RTT, r.Tries, r.Transport = 12345678*time.Nanosecond, 3, TCP
	tr := new(Transcript)
	tr.Add(Exchange{Question: asked, Response: r})
	var b bytes.Buffer
	n, err := tr.WriteTo(&b)
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), n)
	require.Contains(t, b.String(), "\nreply NOERROR tcp ; 12.346ms 3 tries\n")
	back := Transcript{Resolver: tr}
	require.NoError(t, back.UnmarshalText(b.Bytes()))
	require.Equal(t, Resolver(tr), back.Resolver)
	r.RTT, r.Tries = 0, 0
	require.Equal(t, r, back.Exchanges()[0].Response)
}

func FuzzParseTranscript(f *testing.F) {
	f.Add(sample)
	f.Add("; acmdoctor transcript 1\nask recursor a. NSEC3\nreply BADSIG\nanswer a. NSEC3 1 0 0 - 00 A\nanswer a. TYPE47 \\# 1 00\nend")
	f.Add("; acmdoctor transcript 1\nask recursor=https://a.b@[::1]:9/x a. A rd cd\nerror certificate \"x\"\nask recursor=tls://1.1.1.1 a. A\nreply REFUSED transport=tls\nend")
	f.Add("; acmdoctor transcript 1\nask recursor a. OPT\nerror other \"\\xff\"\nend")
	f.Add("; acmdoctor transcript 1\nask [fe80::1%e]:5 \\000. TYPE65535\nerror timeout timeout \"\"\nend")
	f.Add("answer a. 1 IN CAA 0 issue \"amazon.com\" ; x\nauthority b. RRSIG A 8 1 5 20260101000000 20250101000000 1 b. AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		printsAndReadsBack(t, text)
		printsAndReadsBack(t, "; acmdoctor transcript 1\nask recursor a. A\nreply NOERROR\n"+text+"\nend")
	})
}

func printsAndReadsBack(t *testing.T, text string) {
	tr, err := ParseTranscript(strings.NewReader(text))
	if err != nil {
		require.ErrorIs(t, err, ErrBadTranscript)
		return
	}
	printed, err := tr.MarshalText()
	require.NoError(t, err)
	back, err := ParseTranscript(bytes.NewReader(printed))
	require.NoError(t, err, "in:\n%s", printed)
	require.Equal(t, tr.Time, back.Time)
	require.Equal(t, tr.Notes, back.Notes)
	was, is := tr.Exchanges(), back.Exchanges()
	require.Equal(t, len(was), len(is))
	for i := range was {
		require.Equal(t, was[i].Question, is[i].Question)
		require.Equal(t, was[i].Response, is[i].Response)
		if was[i].Err != nil {
			require.EqualError(t, is[i].Err, was[i].Err.Error())
		}
	}
	again, err := back.MarshalText()
	require.NoError(t, err)
	require.Equal(t, string(printed), string(again))
}
