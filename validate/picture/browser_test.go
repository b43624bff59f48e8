package picture_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate/picture"
)

//go:embed testdata/measure.js
var measure string

// complaint is something that a reader would stumble over, as measured in the browser.
type complaint struct{ Picture, What, Text string }

// measured is what the script found.
type measured struct {
	Dark       bool           // the browser prefers dark
	Texts      map[string]int // how many were looked at, by picture
	Page       map[string]string
	Complaints []complaint
}

// browse opens a page in a real browser and gives what its script wrote.
func browse(t *testing.T, page string, args ...string) measured {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed: pictures are not looked at in a browser")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	require.NoError(t, os.WriteFile(file, []byte(page), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append(args,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=1000,800", "--dump-dom", "file://"+file)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), errs.String())
	_, rest, ok := strings.Cut(out.String(), `<pre id="measured">`)
	require.True(t, ok, "the page's script did not run: %s", errs.String())
	text, _, ok := strings.Cut(rest, "</pre>")
	require.True(t, ok)
	var m measured
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(text)), &m))
	return m
}

// seen are the worlds that are looked at: one for each thing that a picture can show.
var seen = []string{
	"healthy", "name-doubled", "delegation-mismatch", "delegation-mismatch-named", "server-lame", "servers-disagree", "record-misplaced", "record-wrong-type",
	"zone-undelegated", "zone-undelegated-elsewhere", "check-incomplete-many-servers", "server-unreachable-mixed", "answer-stale", "value-mismatch", "name-underscore-missing",
	"healthy-four-servers", "server-unreachable-all", "cname-multiple", "caa-forbids", "input-invalid",
	"healthy-signed", "healthy-signed-subzone-unsigned", "dnssec-bogus", "dnssec-bogus-secondary", "dnssec-bogus-expired",
}

func page(t *testing.T, schemes ...picture.Scheme) (string, []string) {
	t.Helper()
	var b strings.Builder
	var names []string
	b.WriteString("<!doctype html><meta charset=utf-8><title>pictures</title><body style='margin:0'>")
	add := func(name, svg string) {
		names = append(names, name)
		fmt.Fprintf(&b, "<div data-name=%q>%s</div>\n", name, svg)
	}
	for _, s := range schemes {
		for _, w := range loadWorlds(t) {
			if name := strings.TrimSuffix(w.File, ".txt"); slices.Contains(seen, name) {
				add(name+" "+string(s), draw(t, check(t, w), picture.Options{Scheme: s}))
			}
		}
		for name, rep := range extremes() {
			if name == "crowded" {
				rep.Way.Zones = rep.Way.Zones[24:]
			}
			add(name+" "+string(s), draw(t, rep, picture.Options{Scheme: s}))
		}
	}
	b.WriteString("<script>" + measure + "</script>")
	return b.String(), names
}

// Nothing runs out of its box or over something else, and all can be read, in both colour schemes.
func TestInABrowser(t *testing.T) {
	html, names := page(t, picture.Light, picture.Dark)
	require.GreaterOrEqual(t, len(names), 2*(len(seen)+3))
	m := browse(t, html)
	for _, n := range names {
		assert.Greater(t, m.Texts[n], 3, n)
		want := "rgb(255, 255, 255)"
		if strings.HasSuffix(n, "dark") {
			want = "rgb(13, 17, 23)"
		}
		assert.Equal(t, want, m.Page[n], n)
	}
	assert.Empty(t, m.Complaints)
}

// A picture without a scheme of its own takes the reader's.
func TestReadersScheme(t *testing.T) {
	html, names := page(t, picture.Auto)
	for _, x := range []struct{ flag, page string }{
		{"--blink-settings=preferredColorScheme=1", "rgb(255, 255, 255)"},
		{"--blink-settings=preferredColorScheme=0", "rgb(13, 17, 23)"},
	} {
		m := browse(t, html, x.flag)
		assert.Equal(t, x.page == "rgb(13, 17, 23)", m.Dark, "the browser prefers what it was told to")
		for _, n := range names {
			assert.Equal(t, x.page, m.Page[n], n)
		}
		assert.Empty(t, m.Complaints)
	}
}

// The measuring itself is not blind: a picture with words that are too wide, too close and too pale is complained about.
func TestMeasureSeesWhatIsWrong(t *testing.T) {
	page := `<!doctype html><body><div data-name="bad"><svg class="acmdoctor" width="400" height="200" viewBox="0 0 400 200">
<rect class="page" width="400" height="200" fill="#fff"/>
<g class="box"><rect class="card bad" x="10" y="10" width="80" height="40" fill="#fff" stroke="#eee"/>
<text x="15" y="30" fill="#000">much too wide for this small box</text></g>
<text x="15" y="34" fill="#000">over the other</text>
<text x="15" y="100" fill="#ccc">pale</text>
<text x="350" y="150" fill="#000">out of the picture</text>
</svg></div><script>` + measure + `</script>`
	var what []string
	for _, c := range browse(t, page).Complaints {
		what = append(what, c.What)
	}
	for _, w := range []string{"runs out of its box", "runs over another text", "contrast", "runs out of the picture", "line contrast"} {
		assert.True(t, slices.ContainsFunc(what, func(s string) bool { return strings.HasPrefix(s, w) }), "%s: %q", w, what)
	}
}
