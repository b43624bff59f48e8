package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/acmapi"
	"github.com/acmdoctor/acmdoctor/validate/audit"
)

// auditInput says where the records of an audit come from, and how much of it has been read.
type auditInput struct {
	files          []string
	acm            bool
	profile        string
	regions, roles []string
	stdin          *interruptible
	size           int64        // bytes of all files; 0 where it is not known
	read           atomic.Int64 // of them
	acmErrors      int          // certificates, regions or accounts that could not be read
	warn           func(error)
}

func (f *auditInput) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.files, "input", nil, "a file of records, or - for standard input; repeatable; the same as `SOURCE`")
	fl.BoolVar(&f.acm, "acm", false, "all certificates of the AWS account, with the credentials that every AWS tool finds")
	fl.StringVar(&f.profile, "profile", "", "with --acm: the profile `NAME` of the AWS configuration")
	fl.StringSliceVar(&f.regions, "region", nil, "with --acm: an AWS `REGION` to look in; repeatable (default: that of the configuration)")
	fl.StringArrayVar(&f.roles, "role", nil, "with --acm: the `ARN` of a role to take on, one for each further account; repeatable")
}

// check sees before anything is asked that all inputs are there.
func (f *auditInput) check(args []string) error {
	f.files = append(args, f.files...)
	switch {
	case f.acm && len(f.files) > 0:
		return errors.New("--acm and files exclude each other: the account's certificates are the input")
	case !f.acm && (f.profile != "" || len(f.regions) > 0 || len(f.roles) > 0):
		return errors.New("--profile, --region and --role say where --acm looks; --acm is missing")
	case f.acm:
		return nil
	case len(f.files) == 0 && isTerminal(f.stdin.inner):
		return errors.New("no input is given: name a file with --input, or pipe records in, or --acm for all certificates of an AWS account")
	case len(f.files) == 0:
		f.files = []string{"-"}
	}
	known, typed := true, false
	for _, file := range f.files {
		if file == "-" {
			if typed {
				return errors.New("standard input is named twice")
			}
			known, typed = false, true
			continue
		}
		info, err := os.Stat(file)
		switch {
		case isARN(file):
			return fmt.Errorf("%s: audit reads whole accounts with --acm; one certificate is for acmdoctor check", file)
		case err != nil:
			return noSource(file, err)
		case info.IsDir():
			return fmt.Errorf("%s is a folder, expected a file of records", file)
		case !info.Mode().IsRegular():
			known = false
		}
		f.size += info.Size()
	}
	if !known {
		f.size = 0
	}
	return nil
}

// several reports whether a line alone does not say which input it is of.
func (f *auditInput) several() bool { return len(f.files) > 1 }

// shown is the name of the input in what is written about it, where there is but one.
func (f *auditInput) shown() string {
	switch {
	case f.acm:
		return "acm"
	case len(f.files) == 1 && f.files[0] == "-":
		return "stdin"
	}
	return f.files[0]
}

func (f *auditInput) items(ctx context.Context) iter.Seq[audit.Item] {
	if f.acm {
		return f.certificates(ctx)
	}
	return func(yield func(audit.Item) bool) {
		for _, file := range f.files {
			if !f.readFile(file, yield) {
				return
			}
		}
	}
}

func (f *auditInput) readFile(file string, yield func(audit.Item) bool) bool {
	r, shown := io.Reader(f.stdin), "standard input"
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return yield(audit.Item{Source: validate.Source{Err: err}, File: file})
		}
		defer opened.Close()
		r, shown = opened, file
	}
	for item := range audit.Items(validate.ParseSources(&counted{r, &f.read}), file) {
		item.Err = inFile(item.Err, shown)
		if !yield(item) {
			return false
		}
	}
	return true
}

// counted counts what is read.
type counted struct {
	inner io.Reader
	n     *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.inner.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// certificates gives all records of the accounts. What could not be read there is told and counted; it is no record.
func (f *auditInput) certificates(ctx context.Context) iter.Seq[audit.Item] {
	return func(yield func(audit.Item) bool) {
		client, err := acmapi.Load(ctx, acmapi.Settings{Profile: f.profile})
		if err != nil {
			yield(audit.Item{Source: validate.Source{Err: err}})
			return
		}
		scope := acmapi.Scope{Regions: f.regions}
		for _, r := range f.roles {
			scope.Roles = append(scope.Roles, acmapi.Role{ARN: r})
		}
		for s, err := range client.AllSources(ctx, scope) {
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				f.acmErrors++
				f.warn(err)
			case !yield(audit.Item{Source: s}):
				return
			}
		}
	}
}
