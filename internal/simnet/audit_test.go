package simnet

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
)

func TestQuick(t *testing.T) {
	n := 20000
	w := World{Domains: n, Signed: 50, Broken: 0}
	if os.Getenv("SIGNED") != "" {
		w.Signed = 1000
	}
	s, err := w.Serve(0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Prepare(n)
	s.Count()
	roots, _ := resolver.ParseHints(strings.NewReader(w.Hints()))
	anchors, err := dnssec.ParseAnchors(strings.NewReader(s.Anchors()))
	if err != nil {
		t.Fatal(err)
	}
	c := &validate.Checker{Resolver: &resolver.Client{AllowPrivate: true}, Roots: roots, Port: s.Port, Anchors: anchors, Lean: true}
	records := func(yield func(validate.Record) bool) {
		for i := range n {
			name, value := w.Record(i)
			r, _, err := validate.ParseRecord("", name, value)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(r) {
				return
			}
		}
	}
	var a, b syscall.Rusage
	_ = syscall.Getrusage(0, &a)
	begun := time.Now()
	verdicts := map[validate.Verdict]int{}
	hist := map[int]int{}
	for x, err := range c.CheckEach(t.Context(), records) {
		if err != nil {
			t.Fatal(err)
		}
		verdicts[x.Report.Verdict]++
		hist[x.Report.Queries]++
		if x.Report.Verdict != validate.Valid && verdicts[x.Report.Verdict] < 3 {
			var sb strings.Builder
			_ = x.Report.WriteText(&sb, validate.Text{})
			t.Log(sb.String())
		}
	}
	took := time.Since(begun)
	_ = syscall.Getrusage(0, &b)
	cpu := time.Duration(b.Utime.Nano() + b.Stime.Nano() - a.Utime.Nano() - a.Stime.Nano())
	fmt.Println(verdicts, took, float64(n)/took.Seconds(), "per s; cpu both", cpu, cpu/time.Duration(n), s.Counted(), hist)
}
