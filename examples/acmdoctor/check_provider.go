package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/validate"
)

// consultant asks the provider what it holds about records that the DNS does not show right, one after the other, and lets that join
// the report. Where the provider cannot be asked the report stays as it is, and why is said.
type consultant struct {
	accounts *accounts // nil: nobody is asked
	within   time.Duration
	held     *recording // what is noted of the facts, or was
	say      func(string)
	said     map[string]bool
	turn     chan struct{} // holds one while a record is asked about
}

// accountFlagNames are the flags of which any asks for the provider; --profile says as whom certificates are read, too.
var accountFlagNames = []string{"provider", "provider-config", "zone-id", "tsig-key", "server", "route53-role", "route53-external-id"}

// newConsultant opens the account where it is named: what is wrong with it is told before anything is asked.
func newConsultant(ctx context.Context, cmd *cobra.Command, at *accountFlags, held *recording, within time.Duration, say func(string)) (*consultant, error) {
	c := &consultant{held: held, within: within, say: say, said: map[string]bool{}, turn: make(chan struct{}, 1)}
	if !slices.ContainsFunc(accountFlagNames, cmd.Flags().Changed) {
		return c, nil
	}
	if held.replays() {
		return nil, errors.New("--replay asks nobody, and what the provider held is in the file: leave out what says which provider to ask")
	}
	at.profileFrom(cmd)
	c.accounts = at.accounts()
	if at.provider == "" {
		return c, nil
	}
	if _, err := c.accounts.open(ctx, at.provider); err != nil && !errors.Is(err, errNoCredentials) {
		return nil, err
	}
	return c, nil
}

// rules is the checker's [validate.Checker.Consult]: the rules with what the provider holds. The error is the context's.
func (c *consultant) rules(ctx context.Context, rep validate.Report) ([]validate.Rule, error) {
	facts, known := c.held.factsOf(rep.Record)
	if !known && c.accounts != nil && rep.Record.Problem() == nil && !rep.Zone.Name.IsZero() {
		select {
		case c.turn <- struct{}{}:
			facts, known = c.read(ctx, rep)
			<-c.turn
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil || !known {
		return nil, err
	}
	return providers.Rules(facts), nil
}

func (c *consultant) read(ctx context.Context, rep validate.Report) (providers.Facts, bool) {
	name, err := c.accounts.host(rep.Zone.NameServers)
	if err != nil {
		c.note("the provider was not asked: " + err.Error())
		return providers.Facts{}, false
	}
	a, err := c.accounts.open(ctx, name)
	if err != nil {
		c.note("the provider was not asked: " + err.Error())
		return providers.Facts{}, false
	}
	limited, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	facts, err := c.accounts.facts(limited, a, rep.Record)
	if ctx.Err() != nil {
		return facts, false
	}
	if err != nil {
		c.note(fmt.Sprintf("what %s holds is not known: %v", a.profile.Title, a.explain(err, false)))
		return facts, false
	}
	for _, m := range facts.Missing {
		c.note(m)
	}
	c.held.noteFacts(facts)
	return facts, true
}

// note says a thing once, however many records it is true of.
func (c *consultant) note(text string) {
	if !c.said[text] {
		c.said[text] = true
		c.say(text)
	}
}

// facts reads what the account holds about a record; with --zone-id, in that zone only.
func (f *accountFlags) facts(ctx context.Context, a *account, r validate.Record) (providers.Facts, error) {
	facts, err := providers.ReadFacts(ctx, a.client, r)
	if err != nil || f.zoneID == "" {
		return facts, err
	}
	facts.Zones = slices.DeleteFunc(facts.Zones, func(z providers.ZoneFacts) bool { return !f.names(z.Zone) })
	if len(facts.Zones) == 0 && len(facts.Missing) == 0 {
		facts.Missing = []string{fmt.Sprintf("%s has no zone %s that %s can lie in", a.profile.Title, f.zoneID, r.Name)}
	}
	return facts, nil
}
