package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
)

// recording writes the transcript of a run, or holds the one that is replayed. What the run needs besides the exchanges
// (records, roots, families) is kept as notes, so that a transcript alone says everything.
type recording struct {
	file    string
	tr      *resolver.Transcript
	sources []validate.Source                    // of a replayed transcript
	facts   map[[2]resolver.Name]providers.Facts // what the provider held then, by the record's name and value
	held    []providers.Facts                    // what it holds now, for the file
}

// The keys of notes.
const (
	noteRecord     = "record"
	noteRoot       = "root"
	notePort       = "port"
	noteFamily     = "family"
	noteNameserver = "nameserver"
	noteResolver   = "resolver"
	noteOwn        = "own-resolver"
	noteAnchor     = "anchor"
	noteFacts      = "facts"
)

type recordNote struct {
	ID     string `json:"id,omitempty"`
	Line   int    `json:"line,omitempty"`
	Domain string `json:"domain"`
	Name   string `json:"name"`
	Value  string `json:"value"`

	Certificate *validate.Certificate `json:"certificate,omitempty"` // what ACM said about it
}

func newRecording(c *validate.Checker, file, replay string, f dnsFlags) (*recording, error) {
	switch {
	case file != "" && replay != "":
		return nil, errors.New("--transcript and --replay exclude each other: nothing new would be recorded")
	case replay != "":
		return replayFrom(c, replay, f)
	case file != "":
		// The file is opened now: to learn at the end that it cannot be written would be late.
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			return nil, ofFile("--transcript", file, err)
		}
		r := &recording{file: file, tr: &resolver.Transcript{Resolver: c.Resolver, Time: time.Now().UTC().Truncate(time.Second)}}
		r.add(notePort, strconv.Itoa(int(c.Port)))
		r.add(noteFamily, strconv.Itoa(int(c.Family)))
		for _, ns := range c.Roots {
			for _, a := range ns.Addrs {
				r.add(noteRoot, ns.Name.String()+" "+a.String())
			}
		}
		for line := range strings.Lines(f.anchorsText) {
			if line, _, _ = strings.Cut(line, ";"); strings.TrimSpace(line) != "" {
				r.add(noteAnchor, strings.TrimSpace(line))
			}
		}
		for _, n := range c.Elsewhere {
			r.add(noteNameserver, n)
		}
		for _, w := range c.Witnesses {
			r.add(noteResolver, w.String())
		}
		if !c.Own.IsZero() {
			r.add(noteOwn, c.Own.String())
		}
		c.Resolver = r.tr
		c.Now = func() time.Time { return r.tr.Time }
		return r, nil
	}
	return &recording{}, nil
}

func (r *recording) add(key, value string) {
	r.tr.Notes = append(r.tr.Notes, resolver.Note{Key: key, Value: value})
}

// note keeps a record that is checked.
func (r *recording) note(s validate.Source) {
	if r.file == "" {
		return
	}
	d := recordNote{ID: s.ID, Line: s.Line, Domain: s.Domain, Name: s.Name, Value: s.Value}
	if c := s.Record.Certificate; !c.IsZero() {
		d.Certificate = &c
	}
	text, err := json.Marshal(d)
	if err == nil {
		r.add(noteRecord, string(text))
	}
}

// noteFacts keeps what the provider holds about a record. It is for one at a time.
func (r *recording) noteFacts(f providers.Facts) {
	if r.file != "" {
		r.held = append(r.held, f)
	}
}

// factsOf gives what the provider held about a record when the transcript was written.
func (r *recording) factsOf(of validate.Record) (providers.Facts, bool) {
	f, ok := r.facts[[2]resolver.Name{of.Name, of.Value}]
	return f, ok
}

// replays reports whether the answers are those of a transcript.
func (r *recording) replays() bool { return r.tr != nil && r.file == "" }

func (r *recording) write() error {
	if r.file == "" {
		return nil
	}
	slices.SortStableFunc(r.held, func(a, b providers.Facts) int { // whoever was asked about first
		return cmp.Or(a.Record.Name.Compare(b.Record.Name), a.Record.Value.Compare(b.Record.Value))
	})
	for _, f := range r.held {
		if text, err := json.Marshal(f); err == nil {
			r.add(noteFacts, string(text))
		}
	}
	text, err := r.tr.MarshalText()
	if err == nil {
		err = os.WriteFile(r.file, text, 0o666)
	}
	if err != nil {
		return ofFile("--transcript", r.file, err)
	}
	return nil
}

func replayFrom(c *validate.Checker, file string, f dnsFlags) (*recording, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, ofFile("--replay", file, err)
	}
	tr, err := resolver.ParseTranscript(bytes.NewReader(text))
	if err != nil {
		return nil, ofFile("--replay", file, err)
	}
	r := &recording{tr: tr, facts: map[[2]resolver.Name]providers.Facts{}}
	c.Resolver = tr
	if !tr.Time.IsZero() {
		c.Now = func() time.Time { return tr.Time }
	}
	c.Witnesses, c.Own = nil, resolver.Recursor{} // those that were asked then, not this machine's of today
	var hints, anchors bytes.Buffer
	for _, n := range tr.Notes {
		bad := func(err error) error { return fmt.Errorf("--replay %s: note %s: %w", file, n.Key, err) }
		switch n.Key {
		case noteRecord:
			var d recordNote
			if err := json.Unmarshal([]byte(n.Value), &d); err != nil {
				return nil, bad(err)
			}
			s := validate.Source{ID: d.ID, Line: d.Line, Domain: d.Domain, Name: d.Name, Value: d.Value}
			if d.Name != "" || d.Value != "" || d.Certificate == nil {
				s.Record, _, s.Err = validate.ParseRecord(d.Domain, d.Name, d.Value)
			} else if domain, err := resolver.ParseName(d.Domain); err == nil {
				s.Record.Domains = []resolver.Name{domain}
			}
			if d.Certificate != nil {
				s.Record = s.Record.WithCertificate(*d.Certificate)
			}
			r.sources = append(r.sources, s)
		case noteFacts:
			var held providers.Facts
			if err := json.Unmarshal([]byte(n.Value), &held); err != nil {
				return nil, bad(err)
			}
			r.facts[[2]resolver.Name{held.Record.Name, held.Record.Value}] = held
		case noteRoot:
			var name, addr string
			if _, err := fmt.Sscan(n.Value, &name, &addr); err != nil {
				return nil, bad(err)
			}
			a, err := netip.ParseAddr(addr)
			if err != nil {
				return nil, bad(err)
			}
			kind := "AAAA"
			if a.Is4() {
				kind = "A"
			}
			fmt.Fprintf(&hints, ". 3600000 NS %s\n%s 3600000 %s %s\n", name, name, kind, a)
		case notePort:
			p, err := strconv.ParseUint(n.Value, 10, 16)
			if err != nil {
				return nil, bad(err)
			}
			c.Port = uint16(p)
		case noteFamily:
			k, err := strconv.Atoi(n.Value)
			if err != nil {
				return nil, bad(err)
			}
			c.Family = resolver.Family(k)
		case noteResolver, noteOwn:
			w, err := resolver.ParseRecursor(n.Value)
			if err != nil {
				return nil, bad(err)
			}
			if n.Key == noteOwn {
				c.Own = w
			} else {
				c.Witnesses = append(c.Witnesses, w)
			}
		case noteAnchor:
			fmt.Fprintln(&anchors, n.Value)
		case noteNameserver:
			if len(f.nameservers) == 0 {
				c.Elsewhere = append(c.Elsewhere, n.Value)
			}
		}
	}
	if hints.Len() > 0 && f.roots == "" {
		if c.Roots, err = resolver.ParseHints(&hints); err != nil {
			return nil, ofFile("--replay", file, err)
		}
	}
	if anchors.Len() > 0 && f.anchors == "" {
		if c.Anchors, err = dnssec.ParseAnchors(&anchors); err != nil {
			return nil, ofFile("--replay", file, err)
		}
	}
	return r, nil
}
