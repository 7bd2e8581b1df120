package counting

import (
	"encoding/binary"
	"sync/atomic"
)

// turns is whose turn it is on a connection: true after the client has sent something that is not answered yet.
type turns struct{ asked atomic.Bool }

// sending counts a round trip when the client sends something after it has got an answer.
type sending struct {
	link *Link
	turn *turns
}

func (s *sending) Write(p []byte) (int, error) {
	if len(p) > 0 && !s.turn.asked.Swap(true) {
		s.link.trips.Add(1)
	}
	return len(p), nil
}

type receiving struct{ turn *turns }

func (r *receiving) Write(p []byte) (int, error) {
	if len(p) > 0 {
		r.turn.asked.Store(false)
	}
	return len(p), nil
}

// The types of messages of a PostgreSQL client that count.
const (
	messageQuery   = 'Q' // a statement and its round trip
	messageExecute = 'E'
	messageSync    = 'S' // the end of a round trip
)

// messages reads what a PostgreSQL client sends. A message is a type, a length that includes itself, and content. The first message of a
// connection has no type.
type messages struct {
	link    *Link
	started bool
	header  []byte // the beginning of a message
	skip    int    // content to come
}

const lengthBytes = 4

func (m *messages) Write(p []byte) (int, error) {
	size := len(p)
	for len(p) > 0 {
		skipped := min(m.skip, len(p))
		m.skip -= skipped
		p = p[skipped:]
		if len(p) == 0 {
			break
		}
		m.header = append(m.header, p[0])
		p = p[1:]
		m.read()
	}
	return size, nil
}

// read counts a message as soon as its header is complete.
func (m *messages) read() {
	kind := byte(0)
	length := m.header
	if m.started {
		kind, length = m.header[0], m.header[1:]
	}
	if len(length) < lengthBytes {
		return
	}
	m.skip = max(0, int(binary.BigEndian.Uint32(length))-lengthBytes)
	m.header, m.started = m.header[:0], true
	switch kind {
	case messageQuery:
		m.link.statements.Add(1)
		m.link.trips.Add(1)
	case messageExecute:
		m.link.statements.Add(1)
	case messageSync:
		m.link.trips.Add(1)
	}
}
