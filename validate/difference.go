package validate

import (
	"fmt"
	"strings"
)

// maxDiffText bounds the texts that are compared character by character.
const maxDiffText = 255

// edit is one step from a wrong text to the right one.
type edit struct {
	kind  byte // '=' same, '~' changed, '+' added (too much), '-' missing, 'x' exchanged with the next
	found string
	want  string
	at    int // character of found, from 1
}

// edits gives the least steps that lead from found to want, counting an exchange of neighbours as one (Damerau).
func edits(found, want string) (steps []edit, distance int) {
	if len(found) > maxDiffText || len(want) > maxDiffText {
		return nil, max(len(found), len(want))
	}
	n, m := len(found), len(want)
	d := make([][]int, n+1)
	for i := range d {
		d[i] = make([]int, m+1)
		d[i][0] = i
	}
	for j := range m + 1 {
		d[0][j] = j
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			cost := 1
			if found[i-1] == want[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && cost == 1 && found[i-1] == want[j-2] && found[i-2] == want[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	for i, j := n, m; i > 0 || j > 0; {
		switch {
		case i > 0 && j > 0 && found[i-1] == want[j-1] && d[i][j] == d[i-1][j-1]:
			i, j = i-1, j-1
		case i > 1 && j > 1 && found[i-1] == want[j-2] && found[i-2] == want[j-1] && d[i][j] == d[i-2][j-2]+1:
			steps = append(steps, edit{'x', found[i-2 : i], want[j-2 : j], i - 1})
			i, j = i-2, j-2
		case i > 0 && j > 0 && d[i][j] == d[i-1][j-1]+1:
			steps = append(steps, edit{'~', found[i-1 : i], want[j-1 : j], i})
			i, j = i-1, j-1
		case i > 0 && d[i][j] == d[i-1][j]+1:
			steps = append(steps, edit{'+', found[i-1 : i], "", i})
			i--
		default:
			steps = append(steps, edit{'-', "", want[j-1 : j], i + 1})
			j--
		}
	}
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	return steps, d[n][m]
}

// maxEditsTold is how many single differences a sentence lists; beyond that the two texts stand for themselves.
const maxEditsTold = 8

// difference tells in words where found departs from want, joining neighbours, or "" where they have too little in common.
func difference(found, want string) string {
	steps, _ := edits(found, want)
	var joined []edit
	for _, e := range steps {
		if n := len(joined); n > 0 {
			last := &joined[n-1]
			next := last.at + len(last.found)
			if last.kind == e.kind && e.kind != 'x' && e.at == next {
				last.found += e.found
				last.want += e.want
				continue
			}
		}
		joined = append(joined, e)
	}
	if len(joined) == 0 || len(joined) > maxEditsTold {
		return ""
	}
	var out []string
	for _, e := range joined {
		switch e.kind {
		case '~':
			out = append(out, fmt.Sprintf("at character %d %q stands for %q", e.at, e.found, e.want))
		case '+':
			out = append(out, fmt.Sprintf("at character %d %q is too much", e.at, e.found))
		case '-':
			out = append(out, fmt.Sprintf("before character %d %q is missing", e.at, e.want))
		case 'x':
			out = append(out, fmt.Sprintf("at character %d %q stands for %q", e.at, e.found, e.want))
		}
	}
	return strings.Join(out, "; ")
}

// Marks gives a line to put under found, in a fixed-width font, with a mark below each character that departs from want:
// ^ wrong, + too much, | something missing before it. It is empty where nothing differs.
func Marks(found, want string) string {
	steps, _ := edits(found, want)
	line := []byte(strings.Repeat(" ", len(found)+1))
	for _, e := range steps {
		at := e.at - 1
		switch e.kind {
		case '~':
			line[at] = '^'
		case 'x':
			line[at], line[at+1] = '^', '^'
		case '+':
			line[at] = '+'
		case '-':
			if line[at] == ' ' {
				line[at] = '|'
			}
		}
	}
	return strings.TrimRight(string(line), " ")
}
