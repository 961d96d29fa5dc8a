package xdspatch

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/typedconfig"
)

// Limits of paths.
const (
	maxPath  = 1024
	maxSteps = 32
)

const anyName = "google.protobuf.Any"

// parser reads a path from left to right.
type parser struct {
	text string
	at   int
	// loose permits lists and maps without a key before the end, as in grants.
	loose bool
}

// parse parses a path below a message. Its errors say what is invalid in the path.
func parse(of protoreflect.MessageDescriptor, text string, loose bool) (Path, error) {
	p := &parser{text: text, loose: loose}
	if len(text) > maxPath || !utf8.ValidString(text) {
		return nil, fmt.Errorf("must be UTF-8 of at most %d bytes", maxPath)
	}
	var path Path
	for {
		if len(path) == maxSteps {
			return nil, fmt.Errorf("has more than %d fields", maxSteps)
		}
		if of == nil {
			return nil, fmt.Errorf("%s has no fields", describe(path))
		}
		s, err := p.step(of)
		if err != nil {
			return nil, err
		}
		path = path.with(s)
		if p.done() {
			return path, nil
		}
		if !p.take('.') {
			return nil, fmt.Errorf("has %q where a dot or [ is expected", p.rest())
		}
		if err := p.passable(path); err != nil {
			return nil, err
		}
		of = s.inside()
	}
}

// describe returns the path read so far, for errors.
func describe(p Path) string { return typedconfig.Shortened(p.String()) }

// passable returns an error if no field may follow the last step of a path.
func (p *parser) passable(path Path) error {
	s := path.last()
	switch {
	case s.fd.IsList() && s.key == nil && !p.loose:
		return fmt.Errorf("%s is a list: select elements by the value of a field, such as %s[%s=…]", describe(path), s.fd.TextName(), keyOf(s.fd.Message()))
	case s.fd.IsMap() && s.key == nil && !p.loose:
		return fmt.Errorf("%s is a map: select an entry by its key, such as %s[\"…\"]", describe(path), s.fd.TextName())
	case s.inside() != nil && s.inside().FullName() == anyName:
		return fmt.Errorf("%s can be any message: name the type by appending [@type=envoy.…]", describe(path))
	case s.inside() != nil && typedconfig.IsWellKnown(s.inside()):
		return fmt.Errorf("%s is a %s, which is written as a whole", describe(path), s.inside().Name())
	}
	return nil
}

// keyOf suggests a field that probably identifies the elements of a list.
func keyOf(of protoreflect.MessageDescriptor) string {
	if of != nil {
		for _, name := range []protoreflect.Name{"name", "key", "priority"} {
			if of.Fields().ByName(name) != nil {
				return string(name)
			}
		}
	}
	return "field"
}

func (p *parser) step(of protoreflect.MessageDescriptor) (step, error) {
	name := p.word(isName)
	if name == "" {
		return step{}, fmt.Errorf("needs the name of a field of %s at %q", of.Name(), p.rest())
	}
	fd, fault := typedconfig.FieldOf(of, name)
	if fault != "" {
		return step{}, fmt.Errorf("%q %s", typedconfig.Shortened(name), fault)
	}
	s := step{fd: fd}
	for p.take('[') {
		if err := p.bracket(&s); err != nil {
			return step{}, err
		}
		if !p.take(']') {
			return step{}, fmt.Errorf("has no ] after %q", typedconfig.Shortened(p.text[:p.at]))
		}
	}
	return s, nil
}

func (p *parser) bracket(s *step) error {
	if strings.HasPrefix(p.text[p.at:], "@type=") {
		p.at += len("@type=")
		return p.typeOf(s)
	}
	if s.key != nil || s.as != nil {
		return fmt.Errorf("%s has more than one key", s.fd.TextName())
	}
	switch {
	case s.fd.IsMap():
		return p.mapKey(s)
	case s.fd.IsList():
		return p.listKey(s)
	}
	return fmt.Errorf("%s is neither a list nor a map, so it has no key", s.fd.TextName())
}

func (p *parser) typeOf(s *step) error {
	in := s.inside()
	switch {
	case in == nil || in.FullName() != anyName || s.as != nil:
		return fmt.Errorf("%s does not accept arbitrary messages, so it has no @type", s.fd.TextName())
	case (s.fd.IsList() || s.fd.IsMap()) && s.key == nil && !p.loose:
		return fmt.Errorf("%s needs a key before @type", s.fd.TextName())
	}
	name := strings.TrimPrefix(p.word(isBare), typedconfig.URLPrefix)
	t, err := envoyapi.Types{}.FindMessageByName(protoreflect.FullName(name))
	if err != nil || typedconfig.IsWellKnown(t.Descriptor()) {
		return fmt.Errorf("%q is not a message of Envoy's API%s", typedconfig.Shortened(name), typedconfig.DidYouMean(name, envoyapi.Extensions()))
	}
	s.as = t
	return nil
}

func (p *parser) mapKey(s *step) error {
	text, err := p.value()
	if err != nil {
		return err
	}
	v, err := scalarOf(s.fd.MapKey(), text)
	if err != nil {
		return err
	}
	s.key = &key{value: v, text: canonical(s.fd.MapKey(), v)}
	return nil
}

// listKey reads [field=value], where field may be nested, separated by dots; for a list of scalars,
// it reads the element itself.
func (p *parser) listKey(s *step) error {
	fd := s.fd
	var fields []protoreflect.FieldDescriptor
	for of := fd.Message(); of != nil && of.FullName() != anyName; of = fd.Message() {
		if isWrapper(of) {
			break
		}
		name := p.word(isName)
		if name == "" || strings.HasPrefix(p.text[p.at:], "]") {
			return fmt.Errorf("%s is a list of messages: select elements by the value of a field, such as %s[%s=…]; there are no indexes", s.fd.TextName(), s.fd.TextName(), keyOf(s.fd.Message()))
		}
		var fault string
		if fd, fault = typedconfig.FieldOf(of, name); fault != "" {
			return fmt.Errorf("%q %s", typedconfig.Shortened(name), fault)
		}
		if fd.IsList() || fd.IsMap() || len(fields) == maxSteps {
			return fmt.Errorf("%s cannot be a key", fd.TextName())
		}
		fields = append(fields, fd)
		if fd.Message() != nil && !isWrapper(fd.Message()) && !p.take('.') {
			return fmt.Errorf("%s is a message, which cannot be a key", fd.TextName())
		}
	}
	if len(fields) > 0 && !p.take('=') {
		return fmt.Errorf("needs a = after the field of the key, at %q", p.rest())
	}
	text, err := p.value()
	if err != nil {
		return err
	}
	v, err := scalarOf(scalar(fd), text)
	if err != nil {
		return err
	}
	s.key = &key{fields: fields, value: v, text: canonical(scalar(fd), v)}
	return nil
}

// word reads characters as long as is returns true.
func (p *parser) word(is func(rune) bool) string {
	rest := p.text[p.at:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !is(r) })
	if n < 0 {
		n = len(rest)
	}
	p.at += n
	return rest[:n]
}

func (p *parser) value() (string, error) {
	rest := p.text[p.at:]
	if !strings.HasPrefix(rest, `"`) {
		text := p.word(isBare)
		if text == "" {
			return "", fmt.Errorf("needs a value in [], at %q; quote characters other than letters, digits and ./:_-", p.rest())
		}
		return text, nil
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", fmt.Errorf("has an unterminated quote at %q", p.rest())
	}
	p.at += len(quoted)
	return strconv.Unquote(quoted)
}

func (p *parser) take(c byte) bool {
	if p.done() || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) done() bool   { return p.at == len(p.text) }
func (p *parser) rest() string { return typedconfig.Shortened(p.text[p.at:]) }

func isName(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func isBare(r rune) bool { return isName(r) || strings.ContainsRune("./:-", r) }
