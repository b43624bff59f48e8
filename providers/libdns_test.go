package providers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// listing is a libdns provider that only lists.
type listing struct {
	providertest.MemoryLibdns
	records []libdns.Record
}

func (l *listing) GetRecords(context.Context, string) ([]libdns.Record, error) { return l.records, nil }

func readListing(q providers.Quirks, at string, records ...libdns.Record) ([]providers.RRset, error) {
	return providers.FromLibdns(&listing{records: records}, q).Read(context.Background(), providers.Zone{Apex: apex}, name(at))
}

func TestLibdnsNamesAreReadByLabels(t *testing.T) {
	for _, c := range []struct {
		listed, owner string
	}{
		{"_x", "_x.example.com."},
		{"_X", "_x.example.com."},
		{"_x.example.com.", "_x.example.com."},
		{"_X.EXAMPLE.com.", "_x.example.com."},
		{"_x.example.com", "_x.example.com.example.com."},
		{"_x.notexample.com", "_x.notexample.com.example.com."},
		{"*", "*.example.com."},
		{"\\042", "*.example.com."},
		{"@", "example.com."},
		{"", "example.com."},
	} {
		sets, err := readListing(providers.Quirks{}, c.owner, libdns.RR{Name: c.listed, Type: "CNAME", TTL: 90 * time.Second, Data: "a.example.net."})
		require.NoError(t, err, c.listed)
		require.Len(t, sets, 1, c.listed)
		require.Equal(t, uint32(90), sets[0].TTL)
	}
	sets, err := readListing(providers.Quirks{}, "_x.example.com.", libdns.RR{Name: "_x.notexample.com.", Type: "CNAME", Data: "a."}, libdns.RR{Name: "a..b", Type: "A"})
	require.NoError(t, err)
	require.Empty(t, sets)
}

// libdns.RelativeName leaves "_x.EXAMPLE.com." whole but for its dot: nobody can tell then whether it was doubled.
func TestLibdnsNamesWithTwoReadingsAreRefused(t *testing.T) {
	left := libdns.RR{Name: libdns.RelativeName("_x.EXAMPLE.com.", "example.com."), Type: "CNAME", Data: "a."}
	for _, at := range []string{"_x.example.com.", "_x.example.com.example.com."} {
		_, err := readListing(providers.Quirks{}, at, left)
		require.ErrorContains(t, err, "can mean", at)
	}
	_, err := readListing(providers.Quirks{}, "_y.example.com.", left)
	require.NoError(t, err, "it concerns no name that was asked for")
}

func TestLibdnsTargets(t *testing.T) {
	for _, c := range []struct {
		style        providers.TargetStyle
		listed, want string
	}{
		{"", "a.acm-validations.aws", "a.acm-validations.aws.example.com."},
		{providers.ZoneFile, "A.acm-validations.aws.", "a.acm-validations.aws."},
		{providers.ZoneFile, "@", "example.com."},
		{providers.Absolute, "a.acm-validations.aws", "a.acm-validations.aws."},
		{providers.Absolute, "a b", "a b"},
	} {
		sets, err := readListing(providers.Quirks{TargetStyle: c.style}, owner, libdns.CNAME{Name: name(owner).FirstLabel(), Target: c.listed})
		require.NoError(t, err)
		require.Equal(t, []string{c.want}, sets[0].Values)
	}
}

func TestLibdnsTXTKeepsItsOctets(t *testing.T) {
	for _, text := range []string{"", `quotes " and \ and \000`, "del \x7f ä ;", strings.Repeat("x", 600)} {
		m := &providertest.MemoryLibdns{Apex: apex}
		label := name(owner).FirstLabel()
		_, err := m.AppendRecords(context.Background(), "example.com.", []libdns.Record{libdns.TXT{Name: label, TTL: time.Minute, Text: text}})
		require.NoError(t, err)
		c := providers.FromLibdns(m, providers.Quirks{})
		res, err := impatient.Apply(context.Background(), c, plan(t, c, report("r", change(owner, "", value))))
		require.NoError(t, err)
		back, err := res.Undo.Plan(context.Background(), c)
		require.NoError(t, err)
		_, err = impatient.Apply(context.Background(), c, back)
		require.NoError(t, err)
		recs, err := m.GetRecords(context.Background(), "example.com.")
		require.NoError(t, err)
		require.Len(t, recs, 1)
		require.Equal(t, text, recs[0].RR().Data)
	}
}

func TestLibdnsBadHabitsEndInClearErrors(t *testing.T) {
	for what, c := range map[string]struct {
		habits providertest.Habits
		quirks providers.Quirks
		want   error
		text   string
	}{
		"append is ignored beside other data":      {providertest.Habits{AppendDeaf: true}, providers.Quirks{}, providers.ErrNotVisible, ""},
		"delete reports success":                   {providertest.Habits{DeleteDeaf: true}, providers.Quirks{}, providers.ErrNotVisible, ""},
		"set merges, and we were told it does not": {providertest.Habits{SetMerges: true}, providers.Quirks{SetReplaces: true}, nil, "CNAME is at"},
		"an empty listing of a zone":               {providertest.Habits{EmptyListing: true}, providers.Quirks{ListsApex: true}, nil, "cannot be whole"},
		"panics when reading":                      {providertest.Habits{Panics: "GetRecords"}, providers.Quirks{}, nil, "panicked"},
		"panics when deleting":                     {providertest.Habits{Panics: "DeleteRecords"}, providers.Quirks{}, nil, "panicked"},
		"panics when appending":                    {providertest.Habits{Panics: "AppendRecords"}, providers.Quirks{}, nil, "panicked"},
		"its own record is not handed back":        {providertest.Habits{NeedsOwn: true}, providers.Quirks{SetReplaces: true}, nil, "invalid syntax"},
	} {
		t.Run(what, func(t *testing.T) {
			m := &providertest.MemoryLibdns{Apex: apex, Habits: c.habits}
			line := owner + " 3600 IN CNAME " + wrong
			require.NoError(t, m.Seed("example.com. 60 IN NS ns1.host.example.", line))
			before, err := m.Dump()
			require.NoError(t, err)
			client := providers.FromLibdns(m, c.quirks)
			p, err := providers.NewPlan(context.Background(), client, report("r", change(owner, wrong, value)))
			if err == nil {
				_, err = impatient.Apply(context.Background(), client, p)
			}
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			require.ErrorContains(t, err, c.text)
			after, derr := m.Dump()
			require.NoError(t, derr)
			var partial *providers.PartialError
			if !errors.As(err, &partial) {
				require.Equal(t, before, after, "an error that is not partial says that nothing has changed")
				return
			}
			m.Habits = providertest.Habits{}
			back, err := partial.Undo.Plan(context.Background(), client)
			require.NoError(t, err)
			_, err = impatient.Apply(context.Background(), client, back)
			require.NoError(t, err)
			after, derr = m.Dump()
			require.NoError(t, derr)
			require.Equal(t, before, after)
		})
	}
}

// hetzner/v2 v2.0.1 deletes, then creates; a failure between leaves nothing.
func TestLibdnsSetThatLosesTheOldValueIsMended(t *testing.T) {
	m := &providertest.MemoryLibdns{Apex: apex, Habits: providertest.Habits{SetLosesOld: true, FailSets: 1}}
	require.NoError(t, m.Seed(owner+" 3600 IN CNAME "+wrong))
	c := providers.FromLibdns(m, providers.Quirks{SetReplaces: true})
	_, err := impatient.Apply(context.Background(), c, plan(t, c, report("r", change(owner, wrong, value))))
	require.ErrorContains(t, err, "what was there has been put back")
	got, err := m.Dump()
	require.NoError(t, err)
	require.Equal(t, []string{owner + " CNAME " + wrong}, got)
}

func TestLibdnsNeverWritesTheApexOrAnotherZone(t *testing.T) {
	m := &providertest.MemoryLibdns{Apex: apex}
	c := providers.FromLibdns(m, providers.Quirks{})
	for _, o := range []string{"example.com.", "_x.notexample.com.", "com."} {
		err := c.Write(context.Background(), providers.Zone{Apex: apex}, providers.Batch{Owners: []resolver.Name{name(o)}, Create: []providers.RRset{cname(o, value)}})
		require.ErrorIs(t, err, providers.ErrOutOfScope, o)
	}
	got, err := m.Dump()
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestLibdnsComparesBeforeItWrites(t *testing.T) {
	m := &providertest.MemoryLibdns{Apex: apex}
	require.NoError(t, m.Seed(owner+" 60 IN CNAME "+wrong))
	c := providers.FromLibdns(m, providers.Quirks{SetReplaces: true})
	err := c.Write(context.Background(), providers.Zone{Apex: apex}, providers.Batch{Owners: []resolver.Name{name(owner)}, Create: []providers.RRset{cname(owner, value)}})
	require.ErrorIs(t, err, providers.ErrConflict)
}

func TestLibdnsFindsZonesOnlyWhereItCan(t *testing.T) {
	m := &providertest.MemoryLibdns{Apex: apex}
	_, ok := providers.FromLibdns(m, providers.Quirks{}).(providers.ZoneFinder)
	require.False(t, ok)
	f, ok := providers.FromLibdns(providertest.MemoryLibdnsLister{MemoryLibdns: m}, providers.Quirks{}).(providers.ZoneFinder)
	require.True(t, ok)
	zones, err := f.FindZones(context.Background(), name(owner))
	require.NoError(t, err)
	require.Equal(t, []providers.Zone{{Apex: apex}}, zones)
}

func TestLibdnsErrorsHoldNoSecret(t *testing.T) {
	secret := providers.Secret("hunter2/=+ marker")
	m := &providertest.MemoryLibdns{Apex: apex, Habits: providertest.Habits{
		ErrorText: `500: {"authorization":"Bearer hunter2/=+ marker","b":"aHVudGVyMi89KyBtYXJrZXI=","u":"hunter2%2F%3D%2B+marker"} https://me:pw@api.example.net/x?key=hidden`,
	}}
	c := providers.FromLibdns(m, providers.Quirks{Secrets: []providers.Secret{secret}})
	_, err := impatient.Apply(context.Background(), c, plan(t, c, report("r", change(owner, "", value))))
	require.Error(t, err)
	for _, leak := range []string{"hunter2", "marker", "aHVudGVyMi89", "%2F%3D", "me:pw", "hidden"} {
		require.NotContains(t, err.Error(), leak)
	}
	require.ErrorContains(t, err, "https://api.example.net/x")
}
