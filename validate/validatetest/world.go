// Package validatetest holds worlds: one text file each, with zones, a record, and what a check must find and mend; and
// the laws that must hold in every one of them.
//
//	-- story --
//	The console appended the zone to a name that was full already.
//	-- zones --
//	$ORIGIN example.com.
//	_a79.example.com.example.com. CNAME _424.acm-validations.aws.
//	-- record --
//	_a79.example.com. CNAME _424.acm-validations.aws.
//	-- want --
//	invalid
//	name-doubled error certain
//	record-missing error certain (explained by name-doubled)
//	-- fix --
//	- _a79.example.com.example.com. CNAME _424.acm-validations.aws.
//	+ _a79.example.com. CNAME _424.acm-validations.aws.
//	-- asked --
//	18 in 5 round trips
//
// Zones are read by resolvertest.Parse, which fills in what is not given, and signs what is to be signed; a section
// "faults" holds lines for resolvertest.ParseFault, a section "elsewhere" the name servers at which the user believes
// the record, a section "clock" the time by this machine's clock (RFC 3339). A section "certificate" holds what aws acm describe-certificate prints; where it has one record, or none
// yet, the section "record" may be left out. A section "witnesses" names recursive resolvers to compare with, one a
// line, "own" before this machine's own; further lines are for resolvertest.ParseView and say what one of them
// remembers, or sees of its own. A section "eta" says how long after the check the answer is seen everywhere: a
// duration or "none". A section "none" in place of "fix" says why no change in the zone mends the world.
//
// [Run] checks worlds and laws; anybody's own rules can be put to both.
package validatetest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// ErrBadWorld is wrapped by the errors of [ParseWorld].
var ErrBadWorld = errors.New("not a world")

// World is one story, as its file tells it.
type World struct {
	File      string
	Story     string
	Zones     string
	Faults    []resolvertest.Fault
	Elsewhere []string
	Witnesses []resolver.Recursor
	Own       resolver.Recursor   // this machine's own resolver
	Views     []resolvertest.View // what witnesses say beside what the zones hold
	Clock     time.Time           // what this machine takes for the moment; zero: the moment around which zones are signed
	Record    validate.Record
	Verdict   validate.Verdict
	Want      []Want
	Fix       []string // lines of a diff, in the order of the changes
	None      string   // why no change in the zone mends it
	Asked     int      // questions; 0: not said
	Trips     int      // round trips on the critical path; only where Asked is said
	ETA       string   // how long after the check the answer is seen everywhere, such as "4m0s"; "none"; "": not said
}

// Want is one finding that must be there.
type Want struct {
	Rule        validate.ID
	Severity    validate.Severity
	Confidence  validate.Confidence
	ExplainedBy validate.ID
}

// String gives the line of the file.
func (w Want) String() string {
	s := fmt.Sprintf("%s %s %s", w.Rule, w.Severity, w.Confidence)
	if w.ExplainedBy != "" {
		s += fmt.Sprintf(" (explained by %s)", w.ExplainedBy)
	}
	return s
}

var sections = []string{"story", "zones", "faults", "elsewhere", "clock", "witnesses", "record", "certificate", "want", "eta", "fix", "none", "asked"}

// ParseWorld reads a world. Errors name the file and wrap [ErrBadWorld].
func ParseWorld(file, text string) (World, error) {
	w := World{File: file}
	fail := func(format string, args ...any) (World, error) {
		return World{}, fmt.Errorf("validatetest: %s: %w: %s", file, ErrBadWorld, fmt.Sprintf(format, args...))
	}
	parts := map[string]string{}
	var current string
	for i, line := range strings.SplitAfter(text, "\n") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(name, " --") {
			current = strings.TrimSuffix(name, " --")
			if !slices.Contains(sections, current) {
				return fail("line %d: section %q, expected one of %s", i+1, current, strings.Join(sections, ", "))
			}
			if _, twice := parts[current]; twice {
				return fail("line %d: section %q stands twice", i+1, current)
			}
			parts[current] = ""
			continue
		}
		if current == "" && strings.TrimSpace(line) != "" {
			return fail("line %d: text in front of the first section", i+1)
		}
		parts[current] += line
	}
	w.Story, w.Zones, w.None = strings.TrimSpace(parts["story"]), parts["zones"], strings.TrimSpace(parts["none"])
	if w.Story == "" {
		return fail("it has no story")
	}
	for _, l := range lines(parts["faults"]) {
		f, err := resolvertest.ParseFault(l)
		if err != nil {
			return fail("%v", err)
		}
		w.Faults = append(w.Faults, f)
	}
	w.Elsewhere = lines(parts["elsewhere"])
	for _, l := range lines(parts["witnesses"]) {
		if err := w.parseWitness(l); err != nil {
			return fail("%v", err)
		}
	}
	if eta := lines(parts["eta"]); len(eta) == 1 {
		w.ETA = eta[0]
	}
	var err error
	if clock := lines(parts["clock"]); len(clock) == 1 {
		if w.Clock, err = time.Parse(time.RFC3339, clock[0]); err != nil {
			return fail("clock: %v", err)
		}
	}
	if w.Record, err = parseRecord(parts["record"], parts["certificate"]); err != nil {
		return fail("%v", err)
	}
	want := lines(parts["want"])
	if len(want) == 0 {
		return fail("it wants nothing")
	}
	w.Verdict = validate.Verdict(want[0])
	for _, l := range want[1:] {
		x, err := parseWant(l)
		if err != nil {
			return fail("%v", err)
		}
		w.Want = append(w.Want, x)
	}
	w.Fix = lines(parts["fix"])
	if asked := lines(parts["asked"]); len(asked) == 1 {
		if _, err := fmt.Sscanf(asked[0], "%d in %d round trips", &w.Asked, &w.Trips); err != nil {
			return fail("asked: %q, expected \"N in N round trips\": %v", asked[0], err)
		}
	}
	if w.Verdict != validate.Valid && len(w.Fix) == 0 && w.None == "" {
		return fail("it says neither how it is mended nor why it is not")
	}
	return w, nil
}

// parseWitness reads "[own] RECURSOR", or a view.
func (w *World) parseWitness(line string) error {
	text, own := strings.CutPrefix(line, "own ")
	if len(strings.Fields(text)) > 1 {
		v, err := resolvertest.ParseView(line)
		w.Views = append(w.Views, v)
		return err
	}
	r, err := resolver.ParseRecursor(text)
	if own {
		w.Own = r
	} else {
		w.Witnesses = append(w.Witnesses, r)
	}
	return err
}

func lines(s string) []string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			out = append(out, l)
		}
	}
	return out
}

// parseRecord reads the sections "record" and "certificate", of which one may be empty.
func parseRecord(record, certificate string) (validate.Record, error) {
	if strings.TrimSpace(certificate) == "" {
		return parseTyped(record)
	}
	var read []validate.Record
	for s := range validate.ParseSources(strings.NewReader(certificate)) {
		if s.Err != nil && s.Record.Certificate.IsZero() {
			return validate.Record{}, fmt.Errorf("certificate: %w", s.Err)
		}
		read = append(read, s.Record)
	}
	if strings.TrimSpace(record) == "" {
		if len(read) != 1 {
			return validate.Record{}, fmt.Errorf("certificate: it has %d records, and no section says which is checked", len(read))
		}
		return read[0], nil
	}
	r, err := parseTyped(record)
	return r.WithCertificate(read[0].Certificate), err
}

// parseTyped reads "NAME CNAME VALUE", or lines "domain …", "name …" and "value …" for input that is not so clean.
func parseTyped(text string) (validate.Record, error) {
	var domain, name, value string
	for _, l := range strings.Split(strings.Trim(text, "\n"), "\n") {
		key, rest, _ := strings.Cut(l, " ")
		switch key {
		case "domain":
			domain = rest
		case "name":
			name = rest
		case "value":
			value = rest
		default:
			f := strings.Fields(l)
			if len(f) != 3 || f[1] != "CNAME" {
				return validate.Record{}, fmt.Errorf("record: %q, expected NAME CNAME VALUE", l)
			}
			name, value = f[0], f[2]
		}
	}
	r, _, err := validate.ParseRecord(domain, name, value)
	return r, err
}

func parseWant(line string) (Want, error) {
	head, explained, _ := strings.Cut(line, "(explained by ")
	f := strings.Fields(head)
	if len(f) != 3 {
		return Want{}, fmt.Errorf("want: %q, expected RULE SEVERITY CONFIDENCE [(explained by RULE)]", line)
	}
	return Want{
		validate.ID(f[0]), validate.Severity(f[1]), validate.Confidence(f[2]), validate.ID(strings.TrimSuffix(explained, ")")),
	}, nil
}

// Internet makes a fresh fake internet of the world.
func (w World) Internet() (*resolvertest.Internet, error) {
	in, err := resolvertest.Parse(w.Zones)
	if err != nil {
		return nil, fmt.Errorf("validatetest: %s: %w", w.File, err)
	}
	in.Moment = worldTime()
	for _, r := range append(slices.Clone(w.Witnesses), w.Own) {
		if a := r.AddrPort().Addr(); a.IsValid() && !in.Serves(a) { // a name server's address stays one
			in.Recursor(a)
		}
	}
	for _, v := range w.Views {
		in.View(v)
	}
	for _, f := range w.Faults {
		in.Fault(f)
	}
	return in, nil
}

// Checker gives a checker that asks r, which stands before in.
func (w World) Checker(in *resolvertest.Internet, r resolver.Resolver) (*validate.Checker, error) {
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	if err != nil {
		return nil, err
	}
	c := &validate.Checker{Resolver: r, Roots: roots, Now: worldTime, Elsewhere: w.Elsewhere, Witnesses: w.Witnesses, Own: w.Own}
	if !w.Clock.IsZero() {
		c.Now = func() time.Time { return w.Clock }
	}
	if text := in.Anchors(); text != "" {
		if c.Anchors, err = dnssec.ParseAnchors(strings.NewReader(text)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Got gives the findings of a report in the form that a world wants them.
func Got(r validate.Report) []Want {
	var out []Want
	for _, f := range r.Findings {
		out = append(out, Want{f.Rule, f.Severity, f.Confidence, f.ExplainedBy})
	}
	return out
}

// ZoneFix gives the first fix of a report whose place is the zone and that changes something there.
func ZoneFix(r validate.Report) (validate.Fix, bool) {
	for _, f := range r.Findings {
		for _, x := range f.Fixes {
			if x.Where == validate.WhereZone && len(x.Changes) > 0 {
				return x, true
			}
		}
	}
	return validate.Fix{}, false
}

// Diff gives the lines of a fix: what goes, then what comes.
func Diff(f validate.Fix) []string {
	var minus, plus []string
	for _, c := range f.Changes {
		for _, v := range c.From {
			minus = append(minus, fmt.Sprintf("- %s %s %s", c.Name, c.Type, v))
		}
		for _, v := range c.To {
			plus = append(plus, fmt.Sprintf("+ %s %s %s", c.Name, c.Type, v))
		}
	}
	return append(minus, plus...)
}

// Apply makes the changes of a fix in every copy of the zone that holds the name.
func Apply(in *resolvertest.Internet, zone resolver.Name, f validate.Fix) error {
	for _, c := range f.Changes {
		if err := in.SetRRset(zone, c.Name, c.Type, c.TTL, c.To); err != nil {
			return err
		}
	}
	return nil
}

// addrsOf gives every address that a name server of the world's own zones listens on.
func addrsOf(in *resolvertest.Internet) []netip.Addr {
	var out []netip.Addr
	for _, s := range in.Servers() {
		out = append(out, in.Addrs(s)...)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
