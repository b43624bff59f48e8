package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// opener makes a client of a provider's libdns configuration as JSON, and of what the flags say beyond it.
type opener func(ctx context.Context, f *accountFlags, config []byte) (providers.Client, error)

// accountWorld is what accounts are opened with: the process's own, or a test's.
type accountWorld struct {
	open map[string]opener // by the provider's name
	env  func(string) string
}

// accountFlags say at which provider the zone is changed, and as whom.
type accountFlags struct {
	world            accountWorld
	provider, config string
	zoneID           string
	profile          string
	role, externalID string
	tsigKey, server  string
}

func (f *accountFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.provider, "provider", "", "the DNS provider's `NAME` (default: recognised from the zone's name servers): "+strings.Join(f.world.names(), ", "))
	fl.StringVar(&f.config, "provider-config", "", "the provider's libdns configuration, a `FILE` of JSON (default: the provider's environment variables)")
	fl.StringVar(&f.zoneID, "zone-id", "", "change this zone, by the provider's own `ID` or its apex, wherever the delegation leads")
	if _, ok := f.world.open["rfc2136"]; ok {
		fl.StringVar(&f.tsigKey, "tsig-key", "", "rfc2136: a `FILE` with the TSIG key, as tsig-keygen or keymgr writes it")
		fl.StringVar(&f.server, "server", "", "rfc2136: the zone's primary, `ADDR[:PORT]`")
	}
	if _, ok := f.world.open["route53"]; ok {
		if fl.Lookup("profile") == nil { // else it says as whom certificates are read, and zones are, too
			fl.String("profile", "", "route53: the profile `NAME` in the AWS configuration files")
		}
		fl.StringVar(&f.role, "route53-role", "", "route53: assume this role, by its `ARN`, as where another account holds the zones")
		fl.StringVar(&f.externalID, "route53-external-id", "", "route53: the external `ID` that the role wants to hear")
	}
}

// reads says of the flags what they mean where nothing is changed.
func (f *accountFlags) reads(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.Lookup("provider").Usage = "ask this DNS provider, too, by its `NAME`; auto: the one that the zone's name servers are of; " + strings.Join(f.world.names(), ", ")
	fl.Lookup("zone-id").Usage = "at the provider look in this zone only, by the provider's own `ID` or its apex"
}

// profileFrom takes over whom the flag for certificates names, which is one flag for both.
func (f *accountFlags) profileFrom(cmd *cobra.Command) {
	if p := cmd.Flags().Lookup("profile"); p != nil {
		f.profile = p.Value.String()
	}
}

func (w accountWorld) names() []string { return slices.Sorted(maps.Keys(w.open)) }

// names reports whether the zone is the one that --zone-id names.
func (f *accountFlags) names(z providers.Zone) bool {
	n, err := resolver.ParseName(f.zoneID)
	return f.zoneID == z.ID || err == nil && n == z.Apex
}

// account is a provider at which we may change something.
type account struct {
	client   providers.Client
	profile  providers.Profile
	identity string // as whom the provider knows us
}

// identityWait is how long a change waits for its author's name, as where AWS is reached through an endpoint that has Route 53 only.
const identityWait = 5 * time.Second

// asks asks the provider as whom it knows us, where it can say. An audit trail without it is better than no change, so a failure is
// what stands there.
func (a *account) asks(ctx context.Context) string {
	who, ok := a.client.(interface {
		Identity(ctx context.Context) (string, error)
	})
	if !ok {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, identityWait)
	defer cancel()
	name, err := who.Identity(ctx)
	if err != nil {
		return "not known: " + err.Error()
	}
	return name
}

// errNoProvider and errNoCredentials say why there is no account.
var (
	errNoProvider    = errors.New("no provider to change the zone at")
	errNoCredentials = errors.New("no credentials")
)

// reason is a sentinel told in other words.
type reason struct {
	text string
	is   error
}

func because(is error, format string, a ...any) error { return &reason{fmt.Sprintf(format, a...), is} }

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.is }

// accounts opens each account once.
type accounts struct {
	*accountFlags
	opened map[string]opening
}

type opening struct {
	account *account
	err     error
}

// autoProvider asks for the provider that the name servers are of, as no name does.
const autoProvider = "auto"

func (f *accountFlags) accounts() *accounts {
	if f.provider == autoProvider {
		f.provider = ""
	}
	return &accounts{f, map[string]opening{}}
}

// host names the provider of a zone from its name servers. The name may be known and the error say why that is not enough.
func (a *accounts) host(nameServers []resolver.Name) (string, error) {
	if a.provider != "" {
		return a.provider, nil
	}
	var likely, possible []validate.Host
	for _, h := range validate.HostsOf(nameServers) {
		if h.Confidence == validate.Likely {
			likely = append(likely, h.Host)
		} else {
			possible = append(possible, h.Host)
		}
	}
	if len(likely) == 0 {
		likely = possible
	}
	var titles []string
	for _, h := range likely {
		titles = append(titles, h.Name)
	}
	switch len(likely) {
	case 0:
		return "", because(errNoProvider, "who hosts the zone is not recognised from its name servers (%s): name the provider with --provider",
			joinNames(nameServers))
	case 1:
		return likely[0].ID, nil
	}
	return "", because(errNoProvider, "by its name servers the zone may be at %s: name the provider with --provider", strings.Join(titles, " or "))
}

func joinNames(names []resolver.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, n.String())
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// openFor opens the account that a kept plan or change names.
func (a *accounts) openFor(ctx context.Context, name, what string) (*account, error) {
	if err := a.meant(name, what); err != nil {
		return nil, err
	}
	return a.open(ctx, name)
}

// meant says why a kept plan or change is not for the provider that was named.
func (a *accounts) meant(name, what string) error {
	if a.provider != "" && a.provider != name {
		return because(providers.ErrConflict, "the %s is for %s, and --provider says %s", what, name, a.provider)
	}
	return nil
}

func (a *accounts) open(ctx context.Context, name string) (*account, error) {
	o, known := a.opened[name]
	if !known {
		o.account, o.err = a.openNew(ctx, name)
		a.opened[name] = o
	}
	return o.account, o.err
}

func (a *accounts) openNew(ctx context.Context, name string) (*account, error) {
	profile, known := providers.ProfileOf(name)
	if !known {
		profile = providers.Profile{Name: name, Title: name}
	}
	open, ok := a.world.open[name]
	switch {
	case ok:
	case profile.Refused != "":
		return nil, because(errNoProvider, "%s is not offered, since its module is not safe to change a zone with: %s", profile.Title, profile.Refused)
	case profile.Example != "":
		return nil, because(errNoProvider, "%s is not built into this tool, since its SDK is large; %s has it", profile.Title, profile.Example)
	default:
		return nil, because(errNoProvider, "there is no provider %q; there are %s", name, strings.Join(a.world.names(), ", "))
	}
	config, identity, err := a.configOf(profile)
	if err != nil {
		return nil, err
	}
	client, err := open(ctx, a.accountFlags, config)
	if err != nil {
		return nil, err
	}
	return &account{client, profile, identity}, nil
}

// configOf gives the provider's configuration: the file, or what its users have in their environment.
func (a *accounts) configOf(p providers.Profile) (config []byte, identity string, err error) {
	if a.config != "" {
		text, err := os.ReadFile(a.config)
		if err != nil {
			return nil, "", fmt.Errorf("--provider-config: %w", err)
		}
		var named struct {
			KeyName string `json:"key_name"`
		}
		_ = json.Unmarshal(text, &named) // what is wrong with it, the provider says better
		return text, named.KeyName, nil
	}
	fields := map[string]string{}
	if a.profile != "" && p.Name == "route53" {
		fields["profile"] = a.profile
	}
	if p.Name == "rfc2136" {
		if err := a.tsig(fields); err != nil {
			return nil, "", err
		}
	}
	var missing []string
	for _, s := range p.Settings {
		for _, name := range s.Env {
			if s.Itself {
				break
			}
			if v := a.world.env(name); v != "" && fields[s.Field] == "" {
				fields[s.Field] = v
			}
		}
		if fields[s.Field] == "" && !s.Optional {
			missing = append(missing, wanted(s))
		}
	}
	if len(missing) > 0 {
		return nil, "", fmt.Errorf("%w for %s: %s; or give its libdns configuration as JSON with --provider-config: %s",
			errNoCredentials, p.Title, strings.Join(missing, ", "), p.Sample())
	}
	config, err = json.Marshal(fields)
	return config, fields["key_name"], err
}

// wanted says where a setting is looked for.
func wanted(s providers.Setting) string {
	switch {
	case s.Field == "server":
		return "--server is not given"
	case len(s.Env) == 0:
		return s.Field + " is not given"
	}
	return s.Env[0] + " is not set"
}

// tsig reads the key and the server of rfc2136.
func (a *accounts) tsig(fields map[string]string) error {
	if a.server != "" {
		fields["server"] = a.server
	}
	if a.tsigKey == "" {
		return nil
	}
	text, err := os.ReadFile(a.tsigKey)
	if err != nil {
		return fmt.Errorf("--tsig-key: %w", err)
	}
	key, err := readTSIGKey(string(text))
	if err != nil {
		return fmt.Errorf("--tsig-key %s: %w", a.tsigKey, err)
	}
	maps.Copy(fields, key)
	return nil
}

// explain adds to a refusal what the credentials would have to allow.
func (a *account) explain(err error, write bool) error {
	need := a.profile.Read
	if write {
		need = a.profile.Write
	}
	switch {
	case !errors.Is(err, providers.ErrPermission) || need == "":
		return err
	case isExpired(err): // no permission is missing
		return fmt.Errorf("%w; sign in again (aws sso login, say), then run the same command", err)
	}
	return fmt.Errorf("%w; at %s this takes %s", err, a.profile.Title, need)
}
