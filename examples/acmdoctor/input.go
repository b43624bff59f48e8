package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
)

// inputFlags say where records come from.
type inputFlags struct {
	name, value, domain string
	input               []string
	stdin               *interruptible
	acm                 acmFlags
}

// interruptible is standard input that stops waiting when the run is interrupted. Whoever types, or a pipe that stays open,
// would hold it for ever otherwise; the read that then is left behind ends with the process.
type interruptible struct {
	ctx   context.Context
	inner io.Reader
	left  []byte
	err   error
}

func (r *interruptible) Read(p []byte) (int, error) {
	if len(r.left) == 0 && r.err == nil {
		type result struct {
			b   []byte
			err error
		}
		done := make(chan result, 1)
		go func() {
			b := make([]byte, 64<<10)
			n, err := r.inner.Read(b)
			done <- result{b[:n], err}
		}()
		select {
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		case res := <-done:
			r.left, r.err = res.b, res.err
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	if n == 0 {
		return 0, r.err
	}
	return n, nil
}

func (f *inputFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "the record's `NAME`, as ACM gave it")
	fl.StringVar(&f.value, "value", "", "the record's `VALUE`, as ACM gave it")
	fl.StringVar(&f.domain, "domain", "", "the certificate's `DOMAIN` (default: the name without its first label)")
	fl.StringArrayVar(&f.input, "input", nil, "a file of records, an ARN, or - for standard input; the same as `SOURCE`")
	f.acm.add(cmd)
}

// sources gives the records to check. recorded is what a replayed transcript brings, for when nothing else is given.
func (f *inputFlags) sources(args []string, recorded []validate.Source) (iter.Seq[validate.Source], error) {
	files := append(args, f.input...)
	typed := f.name != "" || f.value != "" || f.domain != ""
	switch {
	case typed && f.name == "":
		return nil, errors.New("--name is missing: the record's name, as ACM gave it")
	case typed && f.value == "":
		return nil, errors.New("--value is missing: the record's value, as ACM gave it")
	case typed && len(files) == 0:
		return f.typed(), nil
	case len(files) == 0 && len(recorded) > 0:
		return func(yield func(validate.Source) bool) {
			for _, s := range recorded {
				if !yield(s) {
					return
				}
			}
		}, nil
	case len(files) == 0 && !isTerminal(f.stdin.inner):
		files = []string{"-"}
	case len(files) == 0:
		return nil, errors.New("no record is given: name a file, a certificate's ARN, or - for standard input, or type --name and --value")
	}
	for _, file := range files {
		if isARN(file) {
			if err := f.acm.check(file); err != nil {
				return nil, err
			}
			continue
		}
		if file == "-" {
			continue
		}
		if info, err := os.Stat(file); err != nil {
			return nil, noSource(file, err)
		} else if info.IsDir() {
			return nil, fmt.Errorf("%s is a folder, expected a file of records", file)
		}
	}
	read := func(yield func(validate.Source) bool) {
		for _, file := range files {
			if !f.read(file, yield) {
				return
			}
		}
	}
	if typed {
		return f.typedFor(read)
	}
	return read, nil
}

// noSource says of a SOURCE that is no file, and was perhaps never meant to be one, what else there is.
func noSource(source string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no such file; one record is typed with --name and --value, a certificate is named by its ARN", source)
	}
	return fmt.Errorf("%s: %w", source, withoutPath(err))
}

// ofFile puts the flag that names a file, and the file, before an error.
func ofFile(flag, file string, err error) error {
	return fmt.Errorf("%s %s: %w", flag, file, withoutPath(err))
}

// withoutPath is an error without what is said already: which file it is about, and that it was to be read.
func withoutPath(err error) error {
	var (
		at      *fs.PathError
		hints   *resolver.HintsError
		anchors *dnssec.AnchorsError
	)
	switch {
	case errors.As(err, &at):
		return at.Err
	case errors.As(err, &hints):
		return hints
	case errors.As(err, &anchors):
		return anchors
	}
	return err
}

// typedFor gives the typed record together with the certificate of the other sources; where that does not ask for it, the
// certificate's own records follow.
func (f *inputFlags) typedFor(sources iter.Seq[validate.Source]) (iter.Seq[validate.Source], error) {
	var its []validate.Source
	for s := range sources {
		switch {
		case !isChecked(s):
			return nil, s.Err
		case s.Record.Certificate.IsZero():
			return nil, errors.New("--name and --value give the record; a SOURCE beside them must be its certificate, as aws acm describe-certificate prints it")
		}
		its = append(its, s)
	}
	return func(yield func(validate.Source) bool) {
		for s := range f.typed() {
			asked := false
			if s.Err == nil && len(its) > 0 {
				i := slices.IndexFunc(its, func(x validate.Source) bool { return x.Record.Certificate.Asks(s.Record) })
				asked = i >= 0
				s.Record = s.Record.WithCertificate(its[max(i, 0)].Record.Certificate)
			}
			if !yield(s) || asked {
				return
			}
		}
		for _, s := range its {
			if !yield(s) {
				return
			}
		}
	}, nil
}

func (f *inputFlags) typed() iter.Seq[validate.Source] {
	return func(yield func(validate.Source) bool) {
		s := validate.Source{Domain: f.domain, Name: f.name, Value: f.value}
		s.Record, _, s.Err = validate.ParseRecord(f.domain, f.name, f.value)
		yield(s)
	}
}

func (f *inputFlags) read(file string, yield func(validate.Source) bool) bool {
	if isARN(file) {
		for _, s := range f.acm.read(f.stdin.ctx, file) {
			if !yield(s) {
				return false
			}
		}
		return true
	}
	r, shown := io.Reader(f.stdin), "standard input"
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return yield(validate.Source{Err: err})
		}
		defer opened.Close()
		r, shown = opened, file
	}
	for s := range validate.ParseSources(r) {
		s.Err = inFile(s.Err, shown)
		if !yield(s) {
			return false
		}
	}
	return true
}

// inFile puts the file's name into every input error.
func inFile(err error, file string) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if _, single := err.(*validate.InputError); !single {
			var out []error
			for _, e := range joined.Unwrap() {
				out = append(out, inFile(e, file))
			}
			return errors.Join(out...)
		}
	}
	var ie *validate.InputError
	if errors.As(err, &ie) {
		named := *ie
		named.File = file
		return &named
	}
	return fmt.Errorf("%s: %w", file, err)
}
