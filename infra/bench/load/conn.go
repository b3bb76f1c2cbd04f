package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Bounds of one answer. The time tells a hang from a busy machine, on which a
// burst of hashes may take minutes.
const (
	answerTime = 5 * time.Minute
	mostBody   = 16 << 20 // bytes
)

// errAnswer says that what came is no answer of HTTP/1.1.
var errAnswer = errors.New("not an answer of HTTP/1.1")

// An Answer is what a server said. Its body is overwritten by the next answer of
// the connection.
type Answer struct {
	Status int
	Body   []byte
}

// A Conn is a connection to a server that is kept from request to request, and
// opened again where the server closes it after an answer. It is for one
// goroutine.
type Conn struct {
	addr   string
	raw    net.Conn
	reader *bufio.Reader
	body   []byte
	last   bool // the server closes after this answer
}

// Dial opens a connection to HOST:PORT or to a base such as
// http://127.0.0.1:8480.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	c := &Conn{addr: Host(addr), reader: bufio.NewReaderSize(nil, 8<<10)}
	return c, c.open(ctx)
}

func (c *Conn) open(ctx context.Context) error {
	dialer := net.Dialer{Timeout: answerTime}
	raw, err := dialer.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	c.raw, c.last = raw, false
	c.reader.Reset(raw)
	return nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.raw.Close() }

// Do sends a request and reads its answer. A request whose connection breaks is
// not sent again: whether the server took it is unknown.
func (c *Conn) Do(ctx context.Context, r Request) (Answer, error) {
	if c.last {
		_ = c.raw.Close() // the server has closed it already
		if err := c.open(ctx); err != nil {
			return Answer{}, err
		}
	}
	if err := c.raw.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return Answer{}, err
	}
	if _, err := c.raw.Write(r); err != nil {
		return Answer{}, err
	}
	return c.read(bytes.HasPrefix(r, []byte("HEAD ")))
}

// read reads one answer; one to HEAD has no body.
func (c *Conn) read(head bool) (Answer, error) {
	status, err := c.statusLine()
	if err != nil {
		return Answer{}, fmt.Errorf("reading an answer: %w", err)
	}
	length, chunked, err := c.headers()
	if err != nil {
		return Answer{}, fmt.Errorf("reading the headers of an answer: %w", err)
	}
	c.body = c.body[:0]
	switch {
	case head || status == 204 || status == 304:
	case chunked:
		err = c.chunks()
	case length >= 0:
		err = c.take(length)
	default: // until the server closes
		c.last = true
		c.body, err = io.ReadAll(io.LimitReader(c.reader, mostBody))
	}
	if err != nil {
		return Answer{}, fmt.Errorf("reading the body of an answer: %w", err)
	}
	return Answer{Status: status, Body: c.body}, nil
}

// statusLine reads "HTTP/1.1 200 OK".
func (c *Conn) statusLine() (int, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, fmt.Errorf("%w: %.40q", errAnswer, line)
	}
	c.last = line[7] == '0' // unless it says that it keeps it
	status, ok := digits(line[9:12])
	if !ok {
		return 0, fmt.Errorf("%w: %.40q", errAnswer, line)
	}
	return status, nil
}

// headers reads the headers, and returns how long the body is: -1 if they do not
// say.
func (c *Conn) headers() (length int, chunked bool, err error) {
	length = -1
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return length, chunked, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			n, ok := digits(value)
			if !ok {
				return 0, false, fmt.Errorf("%w: a length of %.20q", errAnswer, value)
			}
			length = n
		case is(name, "transfer-encoding"):
			chunked = is(value, "chunked")
		case is(name, "connection"):
			c.last = is(value, "close") || c.last && !is(value, "keep-alive")
		}
	}
}

// is compares without regard to case; it makes no copy.
func is(got []byte, want string) bool {
	return len(got) == len(want) && bytes.EqualFold(got, []byte(want))
}

// digits reads a number of at most nine digits.
func digits(text []byte) (int, bool) {
	if len(text) == 0 || len(text) > 9 {
		return 0, false
	}
	n := 0
	for _, d := range text {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int(d-'0')
	}
	return n, true
}

// chunks reads a body in chunks, and what may follow it.
func (c *Conn) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil {
			return fmt.Errorf("%w: a chunk of %.20q", errAnswer, size)
		}
		if n == 0 {
			return c.trailers()
		}
		if err := c.take(int(n)); err != nil {
			return err
		}
		if _, err := c.line(); err != nil {
			return err
		}
	}
}

func (c *Conn) trailers() error {
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

// take adds n bytes to the body.
func (c *Conn) take(n int) error {
	begin := len(c.body)
	if n > mostBody-begin {
		return fmt.Errorf("%w: longer than %d bytes", errAnswer, mostBody)
	}
	if cap(c.body) < begin+n {
		c.body = append(make([]byte, 0, 2*(begin+n)), c.body...)
	}
	c.body = c.body[:begin+n]
	_, err := io.ReadFull(c.reader, c.body[begin:])
	return err
}

// line reads a line without its end. The next read overwrites it.
func (c *Conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
