package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Entry is one change that was made, for an audit trail. It is a plain value, marshals to an object of JSON, and holds record data
// and no secret.
type Entry struct {
	Time     time.Time     `json:"time"`               // when it had been read back
	Who      string        `json:"who"`                // the user of the operating system, or whoever the program works for
	Identity string        `json:"identity,omitempty"` // as whom the provider knows the credentials; empty where it does not say
	Provider string        `json:"provider"`
	Zone     resolver.Name `json:"zone"`
	ZoneID   string        `json:"zone_id,omitempty"`
	Kind     string        `json:"kind"`           // "change" or "undo"
	Plan     string        `json:"plan"`           // Plan.ID
	Undo     string        `json:"undo,omitempty"` // the file with what takes it back
	Name     resolver.Name `json:"name"`
	Type     resolver.Type `json:"type"`
	From     []string      `json:"from"` // empty: it was created
	To       []string      `json:"to"`   // empty: it was deleted
	FromTTL  uint32        `json:"from_ttl,omitempty"`
	ToTTL    uint32        `json:"to_ttl,omitempty"`
}

// Entries gives an entry for each of the steps, which are the plan's own, as far as the plan knows it: Who, Identity and Undo are
// left to the caller.
func (p Plan) Entries(at time.Time, steps []Step) []Entry {
	var out []Entry
	for _, s := range steps {
		out = append(out, Entry{
			Time: at.UTC(), Provider: p.provider, Zone: p.zone.Apex, ZoneID: p.zone.ID, Kind: kinds[p.dir], Plan: p.ID(),
			Name: s.Name, Type: s.Type, From: orEmpty(s.clone().From.Values), To: orEmpty(s.clone().To.Values),
			FromTTL: s.From.TTL, ToTTL: s.To.TTL,
		})
	}
	return out
}

func (s Step) clone() Step {
	s.From, s.To = s.From.clone(), s.To.clone()
	return s
}

// WriteEntries writes a line of JSON for each entry, all of them in one call of w.Write: a file that was opened for appending gets
// them whole, whoever else writes to it.
func WriteEntries(w io.Writer, entries ...Entry) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, e := range entries {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("providers: write the audit trail: %w", err)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("providers: write the audit trail: %w", err)
	}
	return nil
}
