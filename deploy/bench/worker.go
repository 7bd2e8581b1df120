package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"redrive/deploy/bench/report"
)

// WorkerCommand is the argument that makes this program the worker of a baseline.
const WorkerCommand = "worker"

// job is the input of a worker, on its standard input.
type job struct {
	Redis       string
	Servers     int // in the process, sharing the concurrency
	Concurrency int
	Count       int // number of tasks, after which it ends
	// Post makes a request to the URL for each task.
	Post bool
	URL  string
	// Database makes the worker load a row before each request, and update it afterwards.
	Database   string
	SecretsKey string
}

// worked is the result of a worker, on its standard output.
type worked struct {
	Count   int
	Elapsed time.Duration // from the start of the first task to the end of the last one
	CPU     time.Duration
}

func (w worked) rate() float64 { return report.Rate(w.Count, w.Elapsed) }

func (w worked) note(samples *report.Samples, row string) {
	samples.Add(row, w.rate())
	samples.Add(report.Detail(row, "worker CPU"), microseconds(w.CPU, w.Count))
}

// runWorker starts this program as a worker and waits for it.
func runWorker(ctx context.Context, j job) (worked, error) {
	program, err := os.Executable()
	if err != nil {
		return worked{}, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, WorkerCommand) //nolint:gosec // it is this program
	cmd.Stderr = os.Stderr
	// The worker reads its standard input until the pipe is closed. It therefore ends with this process, even if this process is killed.
	input, err := cmd.StdinPipe()
	if err != nil {
		return worked{}, fmt.Errorf("start a worker: %w", err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return worked{}, fmt.Errorf("start a worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return worked{}, fmt.Errorf("start a worker: %w", err)
	}
	var done worked
	err = errors.Join(json.NewEncoder(input).Encode(j), json.NewDecoder(output).Decode(&done))
	_ = input.Close() // it has ended, or must end
	if err = errors.Join(cmd.Wait(), err); err != nil {
		return worked{}, fmt.Errorf("run a worker: %w", err)
	}
	done.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return done, nil
}

// Work is the program of a worker.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	var j job
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	handler, closeHandler, err := newHandler(j)
	if err != nil {
		return err
	}
	defer closeHandler()
	done, err := drain(ctx, j, handler)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(done); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// drain handles all tasks of the queue.
func drain(ctx context.Context, j job, handle handler) (worked, error) {
	options, err := redis.ParseURL(j.Redis)
	if err != nil {
		return worked{}, fmt.Errorf("read the address of Redis: %w", err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()

	var began, ended atomic.Int64 // the number of tasks
	var first time.Time
	finished := make(chan time.Time, 1)
	failed := make(chan error, 1)
	mux := asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		if began.Add(1) == 1 {
			first = time.Now()
		}
		if err := handle(ctx, string(task.Payload())); err != nil {
			select {
			case failed <- err:
			default: // the first one is enough
			}
		}
		if ended.Add(1) == int64(j.Count) {
			finished <- time.Now()
		}
		return nil
	})
	stop, err := startServers(client, j, mux)
	if err != nil {
		return worked{}, err
	}
	defer stop()
	select {
	case last := <-finished:
		select {
		case err := <-failed:
			return worked{}, err
		default:
			return worked{Count: j.Count, Elapsed: last.Sub(first)}, nil
		}
	case err := <-failed:
		return worked{}, err
	case <-ctx.Done():
		return worked{}, ctx.Err()
	}
}

// pollInterval is the longest time until an idle worker detects its end. A queue that holds tasks is not polled.
const pollInterval = 20 * time.Millisecond

// startServers starts the asynq servers of the job, which share its concurrency.
func startServers(client redis.UniversalClient, j job, h asynq.Handler) (stop func(), err error) {
	var servers []*asynq.Server
	stop = func() {
		var group sync.WaitGroup
		for _, server := range servers {
			group.Go(server.Shutdown)
		}
		group.Wait()
	}
	for range j.Servers {
		server := asynq.NewServerFromRedisClient(client, asynq.Config{
			Concurrency: j.Concurrency / j.Servers, Queues: map[string]int{baselineQueue: 1}, LogLevel: asynq.ErrorLevel,
			TaskCheckInterval: pollInterval,
		})
		if err := server.Start(h); err != nil {
			stop()
			return nil, fmt.Errorf("start an asynq server: %w", err)
		}
		servers = append(servers, server)
	}
	return stop, nil
}
