package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

//go:embed stories/*.txt
var storyFiles embed.FS

// story is one thing that goes wrong on a simulated internet, and how it is to end. Its file has the sections of a world
// (package validatetest), and three more: "account", the name servers whose copy of the zone the user can edit (all, where it
// is missing); "act", what somebody else does outside the zone; "told", how the story must go: verdict and first rule of the
// first check, where the mending is done, and the last verdict.
type story struct {
	name, title, text string
	zones             string
	faults            []resolvertest.Fault
	elsewhere         []string
	account           []resolver.Name
	record            validate.Record
	act               act
	first             validate.Verdict
	rule              validate.ID
	where             validate.Where
	last              validate.Verdict
}

// act is what somebody does who is not us.
type act struct {
	who, what string
	sets      []actSet
}

// actSet is an RRset as it becomes.
type actSet struct {
	zone, owner resolver.Name
	typ         resolver.Type
	ttl         uint32
	rdata       []string
}

// stories reads the embedded stories in their order.
func stories() ([]story, error) {
	files, err := fs.Glob(storyFiles, "stories/*.txt")
	if err != nil {
		return nil, err
	}
	var out []story
	for _, f := range files {
		text, err := storyFiles.ReadFile(f)
		if err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(f, ".txt"), "-") // behind the number that orders them
		s, err := parseStory(name, string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out = append(out, s)
	}
	return out, nil
}

var storySections = []string{"title", "story", "zones", "faults", "account", "elsewhere", "record", "act", "told"}

// parseStory reads one file. Errors name the line or the section.
func parseStory(name, text string) (story, error) {
	s := story{name: name}
	parts := map[string]string{}
	section := ""
	for i, line := range strings.SplitAfter(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if head, ok := strings.CutPrefix(trimmed, "-- "); ok && strings.HasSuffix(head, " --") {
			section = strings.TrimSuffix(head, " --")
			if _, twice := parts[section]; twice || !slices.Contains(storySections, section) {
				return story{}, fmt.Errorf("line %d: found section %q, expected each once of %s", i+1, section, strings.Join(storySections, ", "))
			}
			parts[section] = ""
			continue
		}
		if section == "" && trimmed != "" {
			return story{}, fmt.Errorf("line %d: found %q, expected a section", i+1, trimmed)
		}
		parts[section] += line
	}
	s.title, s.text, s.zones = strings.TrimSpace(parts["title"]), strings.TrimSpace(parts["story"]), parts["zones"]
	if s.title == "" || s.text == "" {
		return story{}, errors.New("it has no title or no story")
	}
	s.elsewhere = storyLines(parts["elsewhere"])
	for _, read := range []struct {
		section string
		line    func(string) error
	}{
		{"faults", s.addFault},
		{"account", s.addAccount},
		{"record", s.setRecord},
		{"act", s.addAct},
	} {
		for _, l := range storyLines(parts[read.section]) {
			if err := read.line(l); err != nil {
				return story{}, fmt.Errorf("%s: %q: %w", read.section, l, err)
			}
		}
	}
	told := storyLines(parts["told"])
	if len(told) != 3 || s.record.Name.IsZero() {
		return story{}, errors.New("told: expected three lines (VERDICT [RULE], WHERE, VERDICT), and a record")
	}
	first, rule, _ := strings.Cut(told[0], " ")
	s.first, s.rule, s.where, s.last = validate.Verdict(first), validate.ID(rule), validate.Where(told[1]), validate.Verdict(told[2])
	return s, nil
}

func storyLines(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func (s *story) addFault(line string) error {
	f, err := resolvertest.ParseFault(line)
	s.faults = append(s.faults, f)
	return err
}

func (s *story) addAccount(line string) error {
	n, err := resolver.ParseName(line)
	s.account = append(s.account, n)
	return err
}

func (s *story) setRecord(line string) (err error) {
	f := strings.Fields(line)
	if len(f) != 3 || f[1] != "CNAME" {
		return errors.New("expected NAME CNAME VALUE")
	}
	s.record, _, err = validate.ParseRecord("", f[0], f[2])
	return err
}

// addAct reads "WHO: WHAT" or "set ZONE NAME TYPE TTL RDATA"; lines about one RRset belong together.
func (s *story) addAct(line string) error {
	f := strings.Fields(line)
	if f[0] != "set" {
		who, what, ok := strings.Cut(line, ": ")
		if !ok {
			return errors.New("expected WHO: WHAT, or set ZONE NAME TYPE TTL RDATA")
		}
		s.act.who, s.act.what = who, what
		return nil
	}
	if len(f) < 6 {
		return errors.New("expected set ZONE NAME TYPE TTL RDATA")
	}
	var x actSet
	var errs [4]error
	x.zone, errs[0] = resolver.ParseName(f[1])
	x.owner, errs[1] = resolver.ParseName(f[2])
	x.typ, errs[2] = resolver.ParseType(f[3])
	ttl, err := strconv.ParseUint(f[4], 10, 32)
	x.ttl, errs[3] = uint32(ttl), err
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	rdata := strings.Join(f[5:], " ")
	for i, y := range s.act.sets {
		if y.zone == x.zone && y.owner == x.owner && y.typ == x.typ {
			s.act.sets[i].rdata = append(s.act.sets[i].rdata, rdata)
			return nil
		}
	}
	x.rdata = []string{rdata}
	s.act.sets = append(s.act.sets, x)
	return nil
}

// internet makes the story's internet, fresh.
func (s story) internet() (*resolvertest.Internet, error) {
	in, err := resolvertest.Parse(s.zones)
	if err != nil {
		return nil, err
	}
	for _, f := range s.faults {
		in.Fault(f)
	}
	return in, nil
}
