package validate

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteMarkdown writes what the rules say of themselves as one Markdown document: a table of all in their order, a table of
// which explains which, and a section for each with an example, what to do and where that is written. The same rules give
// the same document, byte for byte. The error is w's.
func WriteMarkdown(w io.Writer, rules []Rule) error {
	infos := make([]Info, len(rules))
	for i, r := range rules {
		infos[i] = r.Info()
	}
	var b strings.Builder
	b.WriteString("# What keeps an ACM certificate pending\n\n" +
		"The rules of acmdoctor, in the order in which they are judged: of several that hold, the first is the cause, and what\n" +
		"follows from it is shown as its consequence. The same text comes from `acmdoctor explain RULE`.\n\n" +
		"*Error*: the certificate is not issued or renewed. *Warning*: not today, and maybe tomorrow. *Notice*: worth knowing.\n" +
		"The severity here is the worst that a rule reports.\n\n" +
		"## The rules\n\n| rule | worst | what is wrong |\n| --- | --- | --- |\n")
	for _, i := range infos {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", i.ID, i.ID, i.Severity, cell(i.Title))
	}
	b.WriteString("\n## Cause before symptom\n\n" +
		"Where the rule on the left holds, findings of the rules on the right are its consequences: they are shown after it, and\n" +
		"their own fixes are left out.\n\n| cause | explains |\n| --- | --- |\n")
	for _, i := range infos {
		if len(i.Explains) > 0 {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", i.ID, i.ID, links(i.Explains))
		}
	}
	b.WriteString("\nA consequence where what ACM says of the certificate makes it one:\n\n| consequence | of |\n| --- | --- |\n")
	for _, i := range infos {
		if len(i.Follows) > 0 {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", i.ID, i.ID, links(i.Follows))
		}
	}
	for _, i := range infos {
		i.writeMarkdown(&b, infos)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (i Info) writeMarkdown(b *strings.Builder, all []Info) {
	fmt.Fprintf(b, "\n## `%s`\n\n*%s*: %s.\n\n", i.ID, i.Severity, markdown(i.Title))
	wrap(b, "", markdown(i.Text))
	fmt.Fprintf(b, "\nWrong\n\n%s\nRight\n\n%s\n", code(i.Wrong), code(i.Right))
	wrap(b, "", "**What to do.** "+markdown(i.Fix))
	if len(i.Explains) > 0 {
		fmt.Fprintf(b, "\nExplains: %s\n", links(i.Explains))
	}
	var by []ID
	for _, x := range all {
		if slices.Contains(x.Explains, i.ID) {
			by = append(by, x.ID)
		}
	}
	if len(by) > 0 {
		fmt.Fprintf(b, "\nExplained by: %s\n", links(by))
	}
	if len(i.Follows) > 0 {
		fmt.Fprintf(b, "\nExplained, where ACM's reason is that, by: %s\n", links(i.Follows))
	}
	b.WriteString("\nSources\n\n")
	for _, ref := range i.Refs {
		fmt.Fprintf(b, "- %s\n", markdown(ref.String()))
	}
}

func links(ids []ID) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		if id == AnyRecordError {
			out[i] = "every certain error about the record"
			continue
		}
		out[i] = fmt.Sprintf("[`%s`](#%s)", id, id)
	}
	return strings.Join(out, ", ")
}

// code is an indented block: nothing in it needs to be escaped.
func code(s string) string {
	return "    " + strings.ReplaceAll(s, "\n", "\n    ") + "\n"
}

// markdown keeps Markdown from reading a name such as _a79 or *.example.com as emphasis.
func markdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "<", "&lt;", "[", `\[`).Replace(s)
}

func cell(s string) string { return strings.ReplaceAll(markdown(s), "|", `\|`) }
