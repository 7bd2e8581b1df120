package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
)

// The details of the console. The row itself is the overview.
const (
	detailListPage     = "list of deliveries"
	detailDeliveryPage = "one delivery"
	detailOpenPages    = "200 open pages"
)

const (
	// openPages is the number of pages that are open at the same time. Each is refreshed every refreshEvery.
	openPages    = 200
	refreshEvery = 5 * time.Second
	// refreshes is the number of refreshes of each page.
	refreshes = 4
)

// viewer is a browser session in the console, made with the key of the organization.
type viewer struct {
	base string
	http *http.Client
}

func newViewer(ctx context.Context, t *searched) (*viewer, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	origin := strings.TrimSuffix(t.base, "/v1/execution-webhooks")
	v := &viewer{
		base: origin + "/console/o/" + url.PathEscape(t.organization) + "/",
		http: &http.Client{Jar: jar, Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: openPages}},
	}
	form := strings.NewReader(url.Values{"key": {t.key}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, origin+"/console/login", form)
	if err != nil {
		return nil, fmt.Errorf("sign in to the console: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v, v.do(request)
}

// view opens a page of the organization, or refreshes it.
func (v *viewer) view(ctx context.Context, page string, refresh bool) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+page, nil)
	if err != nil {
		return fmt.Errorf("open a page: %w", err)
	}
	if refresh {
		request.Header.Set("X-Console-Refresh", "1")
	}
	return v.do(request)
}

func (v *viewer) do(request *http.Request) error {
	response, err := v.http.Do(request)
	if err != nil {
		return fmt.Errorf("open a page: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read a page: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d", request.URL.Path, response.StatusCode)
	}
	return nil
}

// measureConsole compares pages of the console, and measures the processor time of open pages.
func (g *searching) measureConsole(ctx context.Context, s *session) error {
	small, err := newViewer(ctx, g.small)
	if err != nil {
		return err
	}
	defer small.http.CloseIdleConnections()
	large, err := newViewer(ctx, g.large)
	if err != nil {
		return err
	}
	defer large.http.CloseIdleConnections()
	for _, one := range []struct {
		detail string
		page   func(*searched) (string, error)
	}{
		{"", func(*searched) (string, error) { return "overview", nil }},
		{detailListPage, func(*searched) (string, error) { return "deliveries?status=failure", nil }},
		{detailDeliveryPage, func(t *searched) (string, error) { return t.anyDelivery(ctx) }},
	} {
		s.progress.say("%s %s", rowConsole, one.detail)
		few, errFew := one.page(g.small)
		many, errMany := one.page(g.large)
		if err := errors.Join(errFew, errMany); err != nil {
			return err
		}
		fewTime, manyTime, err := alternate(searchWarmUp, s.amounts.growth,
			func() error { return small.view(ctx, few, false) }, func() error { return large.view(ctx, many, false) })
		if err != nil {
			return err
		}
		s.addGrowth(rowConsole, one.detail, fewTime, manyTime)
	}
	return g.measureOpenPages(ctx, s, large)
}

// anyDelivery returns the page of a delivery that failed.
func (t *searched) anyDelivery(ctx context.Context) (string, error) {
	var page struct{ Items []struct{ ID string } }
	if err := t.call(ctx, http.MethodGet, "/deliveries?status=failure&limit=1&bodies=false", nil, &page); err != nil {
		return "", err
	}
	if len(page.Items) == 0 {
		return "", errors.New("there is no delivery in failure")
	}
	return "deliveries/" + page.Items[0].ID, nil
}

// measureOpenPages measures the processor time of the API while pages are open, spread evenly over the time between two refreshes.
func (g *searching) measureOpenPages(ctx context.Context, s *session, v *viewer) error {
	s.progress.say("%s: %d pages for %s", rowConsole, openPages, refreshes*refreshEvery)
	pages := []string{"overview", "deliveries", "deliveries?status=failure", "events"}
	process := watched{pid: g.large.api.PID()}
	before, err := process.usage()
	if err != nil {
		return err
	}
	began := time.Now()
	var made atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range openPages {
		group.Go(func() error {
			for n := range refreshes {
				due := began.Add(time.Duration(n)*refreshEvery + time.Duration(i)*refreshEvery/openPages)
				select {
				case <-time.After(time.Until(due)):
				case <-groupCtx.Done():
					return groupCtx.Err()
				}
				if err := v.view(groupCtx, pages[i%len(pages)], true); err != nil {
					return err
				}
				made.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	elapsed := time.Since(began)
	after, err := process.usage()
	if err != nil {
		return err
	}
	s.progress.say("%s: %d refreshes", rowConsole, made.Load())
	s.samples.Add(report.Detail(rowConsole, detailOpenPages), 100*float64(after.cpu-before.cpu)/float64(elapsed))
	return nil
}
