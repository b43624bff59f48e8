package realdns_test

import (
	"bufio"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// victim, in the environment, makes TestVictim start a server, say where, and wait to be killed.
const victim = "REALDNS_TEST_VICTIM"

func TestVictim(t *testing.T) {
	if os.Getenv(victim) == "" {
		t.Skip("run by TestServersEndWithAKilledTest")
	}
	n := realdns.New(t)
	s := n.Add(realdns.NSD)
	s.Serve("test.", realdns.Delegation("test.", s.Addr))
	n.Start()
	_, err := os.Stdout.WriteString("at " + netip.AddrPortFrom(s.Addr, n.Port).String() + "\n")
	require.NoError(t, err)
	<-t.Context().Done()
}

// A test that is killed, as by its time limit, runs no cleanup; its servers end all the same.
func TestServersEndWithAKilledTest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a parent-death signal")
	}
	realdns.Require(t, realdns.NSD)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestVictim$")
	dir, err := os.MkdirTemp("", "realdns") // the victim cannot tidy up, and its servers may still write while we do
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd.Env = append(os.Environ(), victim+"=yes", "TMPDIR="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var at netip.AddrPort
	for lines := bufio.NewScanner(out); !at.IsValid() && lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "at "); ok {
			at, err = netip.ParseAddrPort(text)
			require.NoError(t, err)
		}
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed, and says so
	require.True(t, at.IsValid(), "the victim started no server")

	c := resolver.Client{AllowPrivate: true, Patience: time.Second}
	q := resolver.Question{Name: resolver.MustParseName("test."), Type: resolver.TypeSOA, Server: at}
	assert.Eventually(t, func() bool { _, err := c.Resolve(t.Context(), q); return err != nil }, 10*time.Second, 20*time.Millisecond)
}
