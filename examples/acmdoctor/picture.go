package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/picture"
)

// pictures writes what --picture asks for: one record's picture into the file itself, those of several into one each, named
// by their domains. The first waits until it is known whether there is a second.
type pictures struct {
	file  string // empty: none are wanted
	first *validate.Report
	count int
	taken map[string]bool
}

// newPictures says early what would not be written late: whether the file can be.
func newPictures(file string, c *validate.Checker) (*pictures, error) {
	p := &pictures{file: file, taken: map[string]bool{}}
	if file == "" {
		return p, nil
	}
	if file == "-" {
		return nil, errors.New("--picture -: standard output has the report; name a file for the picture")
	}
	c.KeepWay = true
	// What is there stays as it is until there is something better to put in its place.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, ofFile("--picture", file, err)
	}
	return p, f.Close()
}

func (p *pictures) add(r validate.Report) error {
	if p.file == "" {
		return nil
	}
	p.count++
	if p.count == 1 {
		p.first = &r
		return nil
	}
	if p.first != nil {
		first := *p.first
		p.first = nil
		if err := p.write(p.named(first), first); err != nil {
			return err
		}
		p.discard()
	}
	return p.write(p.named(r), r)
}

// finish writes the only picture, or says where the several are.
func (p *pictures) finish(err io.Writer) error {
	switch {
	case p.file == "":
		return nil
	case p.first != nil:
		return p.write(p.file, *p.first)
	case p.count == 0:
		p.discard()
		return nil
	}
	_, werr := fmt.Fprintf(err, "acmdoctor: %d pictures, one for each record: %s\n", p.count, p.name("DOMAIN"))
	return werr
}

// discard removes the file that was opened to see whether it can be, unless it held something before.
func (p *pictures) discard() {
	if info, err := os.Stat(p.file); err == nil && info.Size() == 0 && info.Mode().IsRegular() {
		_ = os.Remove(p.file) // an empty file is left at worst
	}
}

func (p *pictures) write(file string, r validate.Report) error {
	var b bytes.Buffer
	err := picture.SVG(&b, r, picture.Options{})
	if err == nil {
		err = os.WriteFile(file, b.Bytes(), 0o666)
	}
	if err != nil {
		return ofFile("--picture", file, err)
	}
	return nil
}

// named gives each record a file of its own: a domain can be there twice.
func (p *pictures) named(r validate.Report) string {
	const most = 180 // file systems take 255 octets with what stands around it
	domain := fileName(r.Record.Domain().Text())
	domain = domain[:min(len(domain), most)]
	file := p.name(domain)
	for n := 2; p.taken[file]; n++ {
		file = p.name(fmt.Sprintf("%s-%d", domain, n))
	}
	p.taken[file] = true
	return file
}

func (p *pictures) name(domain string) string {
	ext := filepath.Ext(p.file)
	return strings.TrimSuffix(p.file, ext) + "-" + domain + ext
}
