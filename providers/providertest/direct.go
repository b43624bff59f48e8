package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// direct are the cases that ask the Client without the engine between, which reads before it writes and so hides what a Client
// does when somebody is quicker.
var direct = []testCase{
	{"stale batch", "between the engine's reading and the write only the Client can see an edit", func(w *world) error {
		if !w.Client.Traits().CompareAndSwap {
			return nil
		}
		for _, c := range []struct{ before, later []string }{
			{[]string{w.line(w.rec.Name, "CNAME "+other)}, []string{w.line(w.rec.Name, "CNAME _1111.acm-validations.aws.")}},
			{[]string{w.line(w.rec.Name, "CNAME "+other)}, nil},
			{[]string{w.line(w.rec.Name, `TXT "old"`)}, []string{w.line(w.rec.Name, `TXT "old"`), w.line(w.rec.Name, `TXT "mine"`)}},
			{nil, []string{w.line(w.rec.Name, `TXT "mine"`)}},
			{nil, []string{w.line(w.doubled, "CNAME "+other)}}, // nothing but the comparison is in the way of these two
			{[]string{w.line(w.doubled, "CNAME "+value)}, nil},
		} {
			expect, err := w.outrun(c.before, c.later)
			if err != nil {
				return err
			}
			err = w.Client.Write(context.Background(), w.Zone, providers.Batch{
				Owners: []resolver.Name{w.rec.Name, w.doubled}, Expect: expect, Delete: pickSets(expect, w.rec.Name),
				Create: []providers.RRset{{Name: w.rec.Name, Type: resolver.TypeCNAME, TTL: 300, Values: []string{value}}},
			})
			if !errors.Is(err, providers.ErrConflict) {
				return fmt.Errorf("with %q there and %q expected, writing gives %v, expected ErrConflict", c.later, expect, err)
			}
			if err := w.expect("after the conflict", c.later...); err != nil {
				return err
			}
		}
		return nil
	}},
	{"deleting what is not there", "a value that nobody has read is in no undo data, and cannot be had again", func(w *world) error {
		for _, c := range []struct {
			before  string
			later   []string
			theSame bool // in name and type: a Client that does not compare cannot be asked to spare it
		}{
			{`TXT "old"`, []string{"CNAME " + other}, false},
			{"CNAME " + other, []string{"CNAME _1111.acm-validations.aws."}, true},
			{`TXT "old"`, []string{`TXT "old"`, `TXT "mine"`}, true},
		} {
			var later []string
			for _, l := range c.later {
				later = append(later, w.line(w.rec.Name, l))
			}
			stale, err := w.outrun([]string{w.line(w.rec.Name, c.before)}, later)
			if err != nil {
				return err
			}
			now, err := w.read()
			if err != nil {
				return err
			}
			err = w.Client.Write(context.Background(), w.Zone, providers.Batch{
				Owners: []resolver.Name{w.rec.Name}, Expect: now, Delete: stale,
			})
			when := fmt.Sprintf("after deleting %q (error %v)", stale, err)
			if c.theSame && !w.Client.Traits().CompareAndSwap {
				err = w.expectAtMost(when, later...)
			} else {
				err = w.expect(when, later...)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"two values read", "undo data holds what was read: a value that is left out is lost when the name is cleared", func(w *world) error {
		lines := w.twoValues()
		if err := w.fill(lines...); err != nil {
			return err
		}
		return w.seen(lines)
	}},
	{"two values created", "an undo puts whole sets back, of any number of values", func(w *world) error {
		if err := w.fill(); err != nil {
			return err
		}
		lines := w.twoValues()
		sets, err := parseSets(lines)
		if err != nil {
			return err
		}
		err = w.Client.Write(context.Background(), w.Zone, providers.Batch{Owners: []resolver.Name{w.rec.Name}, Create: sets})
		if serr := w.seen(lines); serr != nil {
			return fmt.Errorf("after creating them (error %v): %w", err, serr)
		}
		return w.expect(fmt.Sprintf("after creating them (error %v)", err), lines...)
	}},
}

// outrun gives what was read at the record's name and its misplaced copy before somebody made it what is there later.
func (w *world) outrun(before, later []string) ([]providers.RRset, error) {
	if err := w.fill(before...); err != nil {
		return nil, err
	}
	read, err := w.read()
	if err != nil {
		return nil, err
	}
	return read, w.fill(later...)
}

func (w *world) read() ([]providers.RRset, error) {
	sets, err := w.Client.Read(context.Background(), w.Zone, w.rec.Name, w.doubled)
	if err != nil {
		return nil, fmt.Errorf("reading failed: %w", err)
	}
	return sets, nil
}

func (w *world) twoValues() []string {
	return []string{w.line(w.rec.Name, `TXT "old"`), w.line(w.rec.Name, `TXT "older"`)}
}

// seen reads until the sets of these lines are what stands, for as long as the engine would.
func (w *world) seen(lines []string) error {
	want, err := parseSets(lines)
	if err != nil {
		return err
	}
	for waited := time.Duration(0); ; waited += time.Second {
		got, err := w.read()
		if err != nil || equalSets(got, want) {
			return err
		}
		if waited >= providers.DefaultReadBack {
			return fmt.Errorf("reading gives %q, expected %q", got, want)
		}
		if err := w.applier().Sleep(context.Background(), time.Second); err != nil {
			return err
		}
	}
}

// expectAtMost compares the zone with the bystanders and at most these lines.
func (w *world) expectAtMost(when string, lines ...string) error {
	got, err := w.Dump()
	if err != nil {
		return err
	}
	may, err := contents(lines)
	if err != nil {
		return err
	}
	must, err := contents(w.bystanders)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Sorted(slices.Values(got)), func(l string) bool { return slices.Contains(may, l) })
	if !slices.Equal(rest, must) {
		return fmt.Errorf("%s the zone holds %q, expected %q and at most %q", when, got, must, may)
	}
	return nil
}
