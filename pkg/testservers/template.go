package testservers

import (
	"errors"
	"sync"
	"testing"
)

// Template is a database that is prepared once in a process and copied for each test. A copy takes less time than the preparation, for
// example by the migrations. Its methods may be called at the same time.
type Template struct {
	prepare func(url string) error

	mu     sync.Mutex
	source *database // nil until the first copy is made
	err    error     // kept, so that each further test fails at once
}

// NewTemplate returns a template that prepare fills. prepare gets the URL of a new, empty database and closes its connections before it
// returns.
func NewTemplate(prepare func(url string) error) *Template { return &Template{prepare: prepare} }

// Postgres is like the function [Postgres], except that the database is a copy of the prepared one. [Shutdown] drops the latter.
func (t *Template) Postgres(tb testing.TB) string {
	tb.Helper()
	server := serverURL(tb)
	source, err := t.provide(server)
	if err != nil {
		tb.Fatalf("testservers: preparing the template of databases: %v", err)
	}
	return newDatabase(tb, server, source.name)
}

func (t *Template) provide(server string) (*database, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.source == nil && t.err == nil {
		t.source, t.err = createDatabase(server, emptyTemplate)
		if t.err == nil {
			prepared.add(t)
			t.err = t.prepare(t.source.url)
		}
	}
	return t.source, t.err
}

// drop drops the database if it exists. The next copy prepares a new one.
func (t *Template) drop() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	source := t.source
	t.source, t.err = nil, nil
	if source == nil {
		return nil
	}
	return source.drop()
}

// prepared holds the templates whose database exists.
var prepared templates

type templates struct {
	mu   sync.Mutex
	list []*Template
}

func (p *templates) add(t *Template) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, t)
}

func (p *templates) dropAll() error {
	p.mu.Lock()
	list := p.list
	p.list = nil
	p.mu.Unlock()
	var errs []error
	for _, t := range list {
		errs = append(errs, t.drop())
	}
	return errors.Join(errs...)
}
