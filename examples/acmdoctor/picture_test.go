package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// svgFile reads a picture, which must be well-formed.
func svgFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	return string(text)
}

func TestCheckPicture(t *testing.T) {
	b := newBed(t)
	dir := t.TempDir()
	file, dns, again := filepath.Join(dir, "way.svg"), filepath.Join(dir, "dns.txt"), filepath.Join(dir, "again.svg")
	code, out, errs := b.check(t, "", append(typed("doubled.test"), "--picture", file, "--transcript", dns)...)
	assert.Equal(t, 1, code)
	assert.Empty(t, errs)
	_, plain, _ := b.check(t, "", typed("doubled.test")...)
	clock := regexp.MustCompile(`\d\d:\d\d:\d\d UTC on \d{4}-\d\d-\d\d`) // of the check: when what is mended now can be seen
	assert.Equal(t, clock.ReplaceAllString(plain, "then"), clock.ReplaceAllString(out, "then"), "the report is the same with a picture")
	svg := svgFile(t, file)
	for _, words := range []string{"INVALID: doubled.test", "_a79.doubled.test.doubled.test.", "Here it lies instead", "ns1.doubled.test."} {
		assert.Contains(t, svg, words)
	}

	// A picture is drawn from a transcript just as well, and over an old one.
	require.NoError(t, os.WriteFile(again, []byte(strings.Repeat("old ", 1<<16)), 0o600))
	var replayed, replayErrs strings.Builder
	code = run(t.Context(), []string{"check", "--replay", dns, "--json", "--picture", again}, nil, &replayed, &replayErrs)
	assert.Equal(t, 1, code, replayErrs.String())
	assert.Equal(t, svg, svgFile(t, again))
	assert.NotContains(t, replayed.String(), "refers on", "the way is in the picture, not in the JSON")
}

func TestCheckPictureOfSeveral(t *testing.T) {
	b := newBed(t)
	dir := t.TempDir()
	lines := "_a79.good.test CNAME _424.xyz.acm-validations.aws\n_a79.doubled.test CNAME _424.xyz.acm-validations.aws\n_b80.good.test CNAME _424.xyz.acm-validations.aws\n"
	code, _, errs := b.check(t, lines, "--picture", filepath.Join(dir, "way.svg"), "-")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "3 pictures, one for each record: "+filepath.Join(dir, "way-DOMAIN.svg"))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, []string{"way-doubled.test.svg", "way-good.test-2.svg", "way-good.test.svg"}, names)
	assert.Contains(t, svgFile(t, filepath.Join(dir, "way-good.test.svg")), "VALID: good.test")
	second := svgFile(t, filepath.Join(dir, "way-good.test-2.svg"))
	for _, words := range []string{"_b80.good.test.", "the root (.)", "refers on to good.test.", "Does not have the record"} {
		assert.Contains(t, second, words, "each is drawn from the root")
	}
}

func TestCheckPictureThatCannotBeWritten(t *testing.T) {
	b := newBed(t)
	dir := t.TempDir()
	code, out, errs := b.check(t, "", append(typed("good.test"), "--picture", filepath.Join(dir, "no", "way.svg"))...)
	assert.Equal(t, exitFailed, code)
	assert.Empty(t, out, "nothing is asked before that is known")
	assert.Contains(t, errs, "--picture ")
	code, _, errs = b.check(t, "", append(typed("good.test"), "--picture", "-")...)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "name a file for the picture")

	// No record, no picture, and nothing left behind.
	file := filepath.Join(dir, "way.svg")
	code, _, _ = b.check(t, "neither a record nor anything else\n", "--picture", file, "-")
	assert.Equal(t, exitFailed, code)
	assert.NoFileExists(t, file)
}
