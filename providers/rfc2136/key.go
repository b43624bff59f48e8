package rfc2136

import (
	"errors"
	"fmt"
	"strings"

	libdns "github.com/libdns/rfc2136"

	"github.com/acmdoctor/acmdoctor/providers"
)

// Key is a TSIG key (RFC 8945).
type Key struct {
	Name      string // fully qualified
	Algorithm string // fully qualified, such as "hmac-sha256."
	Secret    providers.Secret
}

// Provider gives libdns's configuration for a server with this key.
func (k Key) Provider(server string) *libdns.Provider {
	return &libdns.Provider{Server: server, KeyName: k.Name, KeyAlg: k.Algorithm, Key: string(k.Secret)}
}

// ErrBadKey is wrapped by the errors of [ParseKeys], which hold no secret.
var ErrBadKey = errors.New("not a TSIG key")

// ParseKeys reads the keys in a text. It has one of three forms, and the form is recognised: BIND's, as tsig-keygen writes it and
// named.conf includes it,
//
//	key "acmdoctor." { algorithm hmac-sha256; secret "…"; };
//
// with BIND's three kinds of comments, other statements being passed over; Knot's, the section key of its configuration, as keymgr -t
// writes it; or one line as nsupdate -y and knsupdate -y take it, [algorithm:]name:secret, where a missing algorithm is hmac-sha256.
// The errors wrap [ErrBadKey] and name the line.
func ParseKeys(text string) ([]Key, error) {
	p := &keyParser{text: text, line: 1}
	keys, err := p.keys()
	if err == nil && len(keys) == 0 {
		err = errors.New("there is no key in it")
	}
	if err != nil {
		return nil, fmt.Errorf("rfc2136: line %d: %w: %w", p.line, err, ErrBadKey)
	}
	return keys, nil
}

// keyParser reads BIND's configuration language as far as a key needs it.
type keyParser struct {
	text string // what is still to be read
	line int
}

func (p *keyParser) keys() ([]Key, error) {
	if one := strings.TrimSpace(p.text); one != "" && !strings.ContainsAny(one, "{}\"; \t\r\n") {
		k, err := parseLine(one)
		return []Key{k}, err
	}
	if isKnot(p.text) {
		return p.knot()
	}
	var out []Key
	for {
		word, err := p.next()
		if err != nil || word == "" {
			return out, err
		}
		if word != "key" {
			if err := p.skip(word); err != nil {
				return nil, err
			}
			continue
		}
		k, err := p.key()
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
}

// parseLine reads [algorithm:]name:secret.
func parseLine(s string) (Key, error) {
	parts := strings.Split(s, ":")
	switch len(parts) {
	case 2:
		return newKey(parts[0], "", parts[1])
	case 3:
		return newKey(parts[1], parts[0], parts[2])
	}
	return Key{}, errors.New("it is neither key \"name\" { algorithm …; secret …; }; nor Knot's section key: nor algorithm:name:secret")
}

// key reads a key statement behind its first word.
func (p *keyParser) key() (Key, error) {
	name, err := p.next()
	if err != nil {
		return Key{}, err
	}
	if open, err := p.next(); err != nil || open != "{" {
		return Key{}, errors.Join(errors.New("a key's name is followed by {"), err)
	}
	var algorithm, secret string
	for {
		word, err := p.next()
		if err != nil {
			return Key{}, err
		}
		var into *string
		switch word {
		case "}":
			if end, err := p.next(); err != nil || end != ";" && end != "" {
				return Key{}, errors.Join(errors.New("a key ends in };"), err)
			}
			return newKey(name, algorithm, secret)
		case "algorithm":
			into = &algorithm
		case "secret":
			into = &secret
		case "":
			return Key{}, errors.New("the key does not end")
		default:
			return Key{}, errors.New("a key has an algorithm and a secret, and nothing else")
		}
		if *into, err = p.next(); err != nil {
			return Key{}, err
		}
		if end, err := p.next(); err != nil || end != ";" {
			return Key{}, errors.Join(fmt.Errorf("the %s is followed by ;", word), err)
		}
	}
}

// skip reads to the end of a statement that is no key.
func (p *keyParser) skip(word string) error {
	for depth := 0; ; {
		switch word {
		case "{":
			depth++
		case "}":
			depth--
		case ";":
			if depth <= 0 {
				return nil
			}
		case "":
			return errors.New("a statement does not end")
		}
		var err error
		if word, err = p.next(); err != nil {
			return err
		}
	}
}

// next gives the next word, string or mark, "" at the end.
func (p *keyParser) next() (string, error) {
	if err := p.space(); err != nil || p.text == "" {
		return "", err
	}
	switch c := p.text[0]; c {
	case '{', '}', ';':
		p.text = p.text[1:]
		return string(c), nil
	case '"':
		word, rest, ok := strings.Cut(p.text[1:], `"`)
		if !ok || strings.Contains(word, "\n") {
			return "", errors.New("a string does not end")
		}
		p.text = rest
		if word == "" || strings.ContainsAny(word, "{};") {
			return "", errors.New("no name, algorithm or secret looks like this string")
		}
		return word, nil
	}
	end := strings.IndexAny(p.text, " \t\r\n{};\"#")
	if end < 0 {
		end = len(p.text)
	}
	if i := strings.Index(p.text[:end], "/*"); i > 0 {
		end = i
	}
	if end == 0 {
		return "", errors.New("a character that no statement has")
	}
	word := p.text[:end]
	p.text = p.text[end:]
	return word, nil
}

// space passes over white space and comments.
func (p *keyParser) space() error {
	for {
		trimmed := strings.TrimLeft(p.text, " \t\r\n")
		p.line += strings.Count(p.text[:len(p.text)-len(trimmed)], "\n")
		p.text = trimmed
		switch {
		case strings.HasPrefix(p.text, "#"), strings.HasPrefix(p.text, "//"):
			_, rest, _ := strings.Cut(p.text, "\n")
			p.text = rest
			p.line++
		case strings.HasPrefix(p.text, "/*"):
			comment, rest, ok := strings.Cut(p.text[2:], "*/")
			if !ok {
				return errors.New("a comment does not end")
			}
			p.line += strings.Count(comment, "\n")
			p.text = rest
		default:
			return nil
		}
	}
}
