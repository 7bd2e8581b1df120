package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/google/pprof/profile"
	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
	steps "redrive/pkg/profile"
)

const (
	// costProfiled is how long a CPU profile takes. The runtime takes 100 samples per second of CPU.
	costProfiled = 10 * time.Second
	// stepOther is what no step of a delivery causes, such as the collection of garbage.
	stepOther = "other"
)

// costSteps are the details of the steps: those of deliveries, and the rest of each process.
func costSteps() []string {
	var names []string
	for _, step := range steps.Steps() {
		names = append(names, stepDetail(step.String()))
	}
	return append(names, stepDetail(processAPI+" "+stepOther), stepDetail(processDispatcher+" "+stepOther))
}

func stepDetail(name string) string { return "step: " + name }

// costOfSteps profiles the services while events are published, and divides the CPU of each process for an event among the steps.
func (s *session) costOfSteps(ctx context.Context, perEvent map[string]time.Duration) error {
	s.progress.say("%s of steps: profiles of %s", rowCost, costProfiled)
	running, c, _, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if err := warmUp(ctx, s, c, eventBody(eventType)); err != nil {
		return err
	}
	profiles := map[string]*profile.Profile{}
	done := make(chan error, 1)
	go func() {
		var err error
		profiles, err = running.(*services).profiles(ctx, costProfiled)
		done <- err
	}()
	for {
		if _, err := publishSingles(ctx, c, publishConnections*10); err != nil {
			return errors.Join(err, <-done)
		}
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			noteSteps(&s.samples, profiles, perEvent)
			return writeProfiles(s.options.Profiles, profiles)
		default:
		}
	}
}

// profiles takes CPU profiles of both services at the same time.
func (v *services) profiles(ctx context.Context, length time.Duration) (map[string]*profile.Profile, error) {
	urls := v.opsURLs()
	taken := make([]*profile.Profile, len(urls))
	names := make([]string, 0, len(urls))
	var group errgroup.Group
	for name, url := range urls {
		at := len(names)
		names = append(names, name)
		group.Go(func() (err error) {
			taken[at], err = takeProfile(ctx, url, length)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	profiles := map[string]*profile.Profile{}
	for i, name := range names {
		profiles[name] = taken[i]
	}
	return profiles, nil
}

func takeProfile(ctx context.Context, url string, length time.Duration) (*profile.Profile, error) {
	path := fmt.Sprintf("%s%sprofile?seconds=%d", url, steps.Path, int(length.Seconds()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, fmt.Errorf("create the request: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("take a profile: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("take a profile: the answer is %s", response.Status)
	}
	taken, err := profile.Parse(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read a profile: %w", err)
	}
	return taken, nil
}

// writeProfiles writes profiles into a folder, if there is one. Those of later rounds replace them.
func writeProfiles(folder string, profiles map[string]*profile.Profile) error {
	if folder == "" {
		return nil
	}
	for process, taken := range profiles {
		if err := writeFile(filepath.Join(folder, process+".pgo"), taken.Write); err != nil {
			return fmt.Errorf("keep a profile: %w", err)
		}
	}
	return nil
}

// noteSteps divides the CPU of each process for an event by the samples of its profile.
func noteSteps(samples *report.Samples, profiles map[string]*profile.Profile, perEvent map[string]time.Duration) {
	for process, taken := range profiles {
		for step, share := range sharesOf(taken) {
			name := step
			if step == stepOther {
				name = process + " " + stepOther
			}
			samples.Add(report.Detail(rowCost, stepDetail(name)), share*float64(perEvent[process].Microseconds()))
		}
	}
}

// sharesOf returns the share of each step in the samples of a CPU profile.
func sharesOf(taken *profile.Profile) map[string]float64 {
	counted, all := map[string]float64{}, 0.0
	for _, sample := range taken.Sample {
		step := stepOther
		if labels := sample.Label[steps.Label]; len(labels) > 0 {
			step = labels[0]
		}
		counted[step] += float64(sample.Value[0])
		all += float64(sample.Value[0])
	}
	for step := range counted {
		counted[step] /= all
	}
	return counted
}
