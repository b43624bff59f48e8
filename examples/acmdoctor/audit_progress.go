package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/audit"
)

// auditProgress is a line on a terminal: how far the audit is, how fast, until when, and what it found so far.
type auditProgress struct {
	mu      sync.Mutex
	screen  *screen // nil: not a terminal
	input   *auditInput
	begun   time.Time
	earlier int   // records of earlier runs
	skipped int64 // bytes of the input that were theirs
	sum     audit.VerdictCount
	done    chan struct{}
	idle    chan struct{}
}

func startAuditProgress(w io.Writer, input *auditInput) *auditProgress {
	p := &auditProgress{screen: newScreen(w), input: input, begun: time.Now()}
	if p.screen != nil {
		p.done, p.idle = make(chan struct{}), make(chan struct{})
		go p.show()
	}
	return p
}

func (p *auditProgress) show() {
	defer close(p.idle)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			p.screen.clear()
			return
		case <-tick.C:
			p.mu.Lock()
			p.screen.draw(p.line(time.Now()))
			p.mu.Unlock()
		}
	}
}

// resumed begins with what earlier runs did.
func (p *auditProgress) resumed(s audit.Summary) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum = audit.VerdictCount{Valid: s.Valid, Invalid: s.Invalid, Undetermined: s.Undetermined}
	p.earlier, p.skipped, p.begun = s.Records, p.input.read.Load(), time.Now()
}

func (p *auditProgress) add(v validate.Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch v {
	case validate.Valid:
		p.sum.Valid++
	case validate.Invalid:
		p.sum.Invalid++
	default:
		p.sum.Undetermined++
	}
}

// line is the line of progress. How much there is to do is told from the bytes of the input.
func (p *auditProgress) line(now time.Time) string {
	n := p.sum.Valid + p.sum.Invalid + p.sum.Undetermined
	took := now.Sub(p.begun)
	rate := float64(n-p.earlier) / max(took.Seconds(), 0.001)
	out := fmt.Sprintf("%d records", n)
	if read, size := p.input.read.Load(), p.input.size; size > 0 {
		out += fmt.Sprintf(" (%d %%)", 100*min(read, size)/size)
		if mine := read - p.skipped; mine > 0 && read < size {
			out += fmt.Sprintf(", %.0f/s, %s left", rate, time.Duration(float64(took)*float64(size-read)/float64(mine)).Round(time.Second))
		} else {
			out += fmt.Sprintf(", %.0f/s, the last ones", rate)
		}
	} else {
		out += fmt.Sprintf(", %.0f/s, %s so far", rate, took.Round(time.Second))
	}
	return out + fmt.Sprintf("  valid %d  invalid %d  undetermined %d", p.sum.Valid, p.sum.Invalid, p.sum.Undetermined)
}

func (p *auditProgress) stop() {
	if p.screen != nil {
		close(p.done)
		<-p.idle
	}
}
