package body

import (
	"bytes"
	"strings"
)

// MaxPretty is how many bytes Pretty writes before it stops. It is more than a page shows of a body.
const MaxPretty = 65 << 10

// Pretty returns JSON with one value to a line. Numbers and strings keep their characters. It stops after MaxPretty bytes, because deeply
// nested data of 1 MiB would become gigabytes.
func Pretty(data []byte) []byte {
	p := printer{}
	for i := 0; i < len(data) && p.text.Len() < MaxPretty; i++ {
		i = p.print(data, i)
	}
	return p.text.Bytes()
}

// printer writes valid JSON with line breaks.
type printer struct {
	text  bytes.Buffer
	depth int
}

// print writes the token that begins at i, and returns the position of its last character.
func (p *printer) print(data []byte, i int) int {
	switch c := data[i]; c {
	case ' ', '\t', '\r', '\n':
	case '"':
		end := endOfString(data, i)
		p.text.Write(data[i : end+1])
		return end
	case '{', '[':
		p.text.WriteByte(c)
		if next := skipSpace(data, i+1); next < len(data) && (data[next] == '}' || data[next] == ']') {
			p.text.WriteByte(data[next])
			return next
		}
		p.depth++
		p.line()
	case '}', ']':
		p.depth--
		p.line()
		p.text.WriteByte(c)
	case ',':
		p.text.WriteByte(c)
		p.line()
	case ':':
		p.text.WriteString(": ")
	default:
		p.text.WriteByte(c)
	}
	return i
}

// line begins a line.
func (p *printer) line() {
	p.text.WriteByte('\n')
	for range p.depth {
		p.text.WriteString("  ")
	}
}

// endOfString returns the position of the quotation mark that ends the string at start.
func endOfString(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data) - 1
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && strings.IndexByte(" \t\r\n", data[i]) >= 0 {
		i++
	}
	return i
}
