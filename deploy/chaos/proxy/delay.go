package proxy

import (
	"bytes"
	"net"
	"time"
)

// linesHeld bounds how many reads of a connection are on their way at once.
const linesHeld = 1024

// Delay has everything that clients send arrive later by d, on connections that are accepted from now on. Answers are not delayed: a round
// trip takes longer by d. Bytes that are on their way do not hold up later ones, so that throughput stays as it is.
func (p *Proxy) Delay(d time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.delay = d
}

func (p *Proxy) delayed() time.Duration {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.delay
}

// late is a read and the time of its arrival.
type late struct {
	content []byte
	due     time.Time
}

// forwardLate is forward with a delay.
func (p *Proxy) forwardLate(to, from net.Conn, delay time.Duration) {
	if delay == 0 {
		p.forward(to, from)
		return
	}
	under := make(chan late, linesHeld)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.arrive(to, under)
		_ = from.Close() // ends the reads below after a failed write
	}()
	buffer := make([]byte, bufferSize)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			under <- late{bytes.Clone(buffer[:n]), time.Now().Add(delay)}
		}
		if err != nil {
			break
		}
	}
	close(under)
	<-done
	_ = to.Close()
}

// arrive writes each read when it is due. After a failed write it drops the rest.
func (p *Proxy) arrive(to net.Conn, under <-chan late) {
	var failed error
	for next := range under {
		if failed != nil {
			continue
		}
		time.Sleep(time.Until(next.due))
		<-p.passable()
		if _, failed = to.Write(next.content); failed != nil {
			_ = to.Close() // the answers end, and with them the client's connection
		}
	}
}
