package balance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sallyport/schema"
	"sallyport/wire"
)

// This file asks by the health checking protocol of gRPC, grpc.health.v1.Health/Check. A message of one field each way is no reason for a
// library.

// A GRPC is a service whose health is asked for; the zero value is none.
type GRPC struct {
	on      bool
	service string // "" for the target as a whole
}

// UnmarshalNode reads true, false or the name of a service.
func (g *GRPC) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	switch {
	case !n.Quoted && (n.Text == "true" || n.Text == "false"):
		*g = GRPC{on: n.Text == "true"}
	case n.Kind == schema.List || n.Kind == schema.Map || n.Kind == schema.Null || n.Text == "" || strings.ContainsAny(n.Text, "${} \t\r\n/") || len(n.Text) > 256:
		errs.Add(n, path, "write true for the target as a whole, or the name of a service such as shop.v1.Orders")
	default:
		*g = GRPC{true, n.Text}
	}
	return errs
}

// JSONSchema allows both.
func (g *GRPC) JSONSchema() map[string]any {
	return map[string]any{"type": []any{"boolean", "string"}}
}

// SchemaKind is the type's name in the reference.
func (g *GRPC) SchemaKind() string { return "true or name of a service" }

// overHTTP2 is k for connections on which gRPC can be spoken.
func (k key) overHTTP2() key {
	k.protocol = "h2c"
	if k.terms != nil {
		k.protocol = "h2"
	}
	return k
}

// askGRPC makes one check.
func (c *check) askGRPC(start time.Time) error {
	pool := c.registry.connect(c.key)
	defer pool.Close()
	message := framed(c.settings.GRPC.service)
	header := c.settings.header()
	header.Set("Content-Type", "application/grpc")
	header.Set("Grpc-Timeout", fmt.Sprintf("%dm", max(1, c.settings.Timeout.Milliseconds())))
	resp, err := pool.Do(&wire.Call{
		Method: "POST", Target: "/grpc.health.v1.Health/Check", Host: c.host, Header: header,
		Body: wire.BytesBody(message), Length: int64(len(message)),
		Request: &wire.Request{Trailers: true, Conn: &wire.Conn{}}, // gRPC wants TE: trailers
		Start:   start, Deadline: start.Add(c.settings.Timeout), Connect: c.settings.Timeout,
	})
	if err != nil {
		return err
	}
	defer resp.Close()
	if resp.Status != 200 {
		return answerError(fmt.Sprintf("the status is %d", resp.Status))
	}
	var body []byte
	if resp.Body != nil {
		if body, err = io.ReadAll(io.LimitReader(resp.Body, mostOfAnswer)); err != nil {
			return err
		}
	}
	status, found := resp.Header.Lookup("Grpc-Status") // an answer that is nothing but a trailer
	if !found {
		status, found = resp.Trailer.Lookup("Grpc-Status")
	}
	if !found || status != "0" {
		return answerError("the gRPC status is " + grpcStatus(status))
	}
	state, err := serving(body)
	if err != nil {
		return answerError(err.Error())
	}
	if state != 1 {
		return answerError("it says " + servingStates[min(state, uint64(len(servingStates)-1))])
	}
	return nil
}

var servingStates = []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN", "a state that is not known"}

// grpcStatus is a status with its name where that tells what to do.
func grpcStatus(text string) string {
	switch text {
	case "":
		return "missing"
	case "5":
		return "5, NOT_FOUND: it has no such service"
	case "12":
		return "12, UNIMPLEMENTED: it does not speak grpc.health.v1"
	}
	return text
}

// framed is a HealthCheckRequest as it goes over the wire: a frame of gRPC, with field 1, the service.
func framed(service string) []byte {
	var message []byte
	if service != "" {
		message = binary.AppendUvarint(append(message, 1<<3|2), uint64(len(service)))
		message = append(message, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// serving reads field 1, the state, of a HealthCheckResponse.
func serving(frame []byte) (state uint64, err error) {
	wrong := errors.New("the answer is no HealthCheckResponse")
	if len(frame) < 5 || frame[0] != 0 || uint64(binary.BigEndian.Uint32(frame[1:])) != uint64(len(frame)-5) {
		return 0, wrong
	}
	for b := frame[5:]; len(b) > 0; {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, wrong
		}
		b = b[n:]
		value, n := binary.Uvarint(b)
		switch {
		case n <= 0 || tag&7 != 0 && tag&7 != 2:
			return 0, wrong
		case tag&7 == 2: // a field that this does not know
			if value > uint64(len(b)-n) {
				return 0, wrong
			}
			n += int(value)
		case tag>>3 == 1:
			state = value
		}
		b = b[n:]
	}
	return state, nil
}
