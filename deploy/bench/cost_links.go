package bench

import (
	"context"
	"fmt"
	"net/url"

	"redrive/deploy/bench/report"
	"redrive/deploy/stack/counting"
	"redrive/pkg/lifecycle"
)

// links count what the services send to the stores, by the names of the stores.
type links map[string]*counting.Link

// costOfLinks does both operations with services whose connections to the stores are counted. They run only meanwhile.
func (s *session) costOfLinks(ctx context.Context) error {
	programs, err := s.programs()
	if err != nil {
		return err
	}
	var opened lifecycle.Stack
	defer func() { _ = opened.Unwind(context.WithoutCancel(ctx)) }() // nothing of it is needed any more
	list := links{}
	s.linked++
	linked, err := startServicesAt(ctx, s.servers, programs, &opened, place{
		database: fmt.Sprintf("linked_%d", s.linked), redis: redisLinked,
		through: func(name, address string) (string, error) { return list.add(&opened, name, address) },
	})
	if err != nil {
		return err
	}
	before := s.running
	s.running = linked
	defer func() { s.running = before }()
	return s.costOperations(ctx, func(operation string, count int, work func() error) error {
		s.progress.say("%s of %s: %d over counted links", rowCost, operation, count)
		began := list.counts()
		if err := work(); err != nil {
			return err
		}
		list.note(&s.samples, operation, count, began)
		return nil
	})
}

// add makes a link to the store of a URL, and returns the URL through it.
func (l links) add(opened *lifecycle.Stack, name, address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("read the address of %s: %w", name, err)
	}
	link, err := counting.New(parsed.Host, name == processPostgres)
	if err != nil {
		return "", err
	}
	opened.Push("the link to "+name, func(context.Context) error { return link.Close() })
	l[name], parsed.Host = link, link.Addr()
	return parsed.String(), nil
}

func (l links) counts() map[string]counting.Counts {
	counts := map[string]counting.Counts{}
	for name, link := range l {
		counts[name] = link.Counts()
	}
	return counts
}

// note adds the samples of an operation that was done count times.
func (l links) note(samples *report.Samples, operation string, count int, began map[string]counting.Counts) {
	add := func(amount string, value int64) {
		samples.Add(report.Detail(rowCost, operation+": "+amount), float64(value)/float64(count))
	}
	for name, link := range l {
		counted := link.Counts().Since(began[name])
		add(bytesOf(name), counted.Bytes)
		if name == processPostgres {
			add(costStatements, counted.Statements)
			add(costTrips, counted.Trips)
		} else {
			add(costRedisTrips, counted.Trips)
		}
	}
}

// bytesOf is the amount of bytes to and from a store.
func bytesOf(store string) string { return "bytes to and from " + store }
