package config

import (
	"time"

	"sallyport/schema"
)

// Limits bound what clients may do.
type Limits struct {
	HeaderSize  schema.Size   `json:"header_size" default:"64KiB" min:"1KiB" max:"1MiB" doc:"The largest head of a request: request line and header fields; more is 431."`
	HeaderCount int           `json:"header_count" default:"100" min:"10" max:"1000" doc:"The most header fields of a request; more is 431."`
	URISize     schema.Size   `json:"uri_size" default:"16KiB" min:"1KiB" max:"1MiB" doc:"The longest request target; more is 414."`
	HeaderTime  time.Duration `json:"header_time" default:"10s" min:"100ms" max:"10m" doc:"How long a client may take to send the head of a request."`
	Idle        time.Duration `json:"idle" default:"60s" min:"100ms" max:"1h" doc:"How long a connection may wait for its next request."`

	BodySize schema.Size   `json:"body_size" default:"10MiB" doc:"The largest body of a request where a route does not say otherwise; more is 413."`
	BodyIdle time.Duration `json:"body_idle" default:"30s" min:"100ms" max:"1h" doc:"How long a client may send nothing in the middle of a body."`
	BodyRate schema.Size   `json:"body_rate" default:"240B" min:"1B" max:"1MiB" doc:"Bytes a second that a client has to keep up over a body of known length."`

	WriteIdle   time.Duration `json:"write_idle" default:"60s" min:"100ms" max:"1h" doc:"How long a client may take nothing of a response."`
	UpgradeIdle time.Duration `json:"upgrade_idle" default:"10m" min:"1s" max:"30d" doc:"How long a WebSocket or other upgraded connection may carry nothing."`

	H2 H2 `json:"h2" doc:"What HTTP/2 adds."`

	Connections            *int `json:"connections" min:"1" max:"10000000" doc:"The most connections of clients; by default 45 % of the files that the process may open, at most 50000."`
	ConnectionsPerListener *int `json:"connections_per_listener" min:"1" max:"10000000" doc:"The most connections of one listener; by default as many as of all together."`
	ConnectionsPerClient   *int `json:"connections_per_client" min:"1" max:"10000000" doc:"The most connections of one IPv4 address or IPv6 /64, trusted proxies and this machine excepted; by default a quarter of connections, and at least 256."`
}

// H2 bounds what clients may do on one connection of HTTP/2.
type H2 struct {
	Streams          int         `json:"streams" default:"100" min:"1" max:"10000" doc:"The most requests at once."`
	StreamWindow     schema.Size `json:"stream_window" default:"64KiB" min:"64KiB" max:"16MiB" doc:"How much of a request's body a client may send ahead of what was read of it; more lets uploads over long distances go faster."`
	ConnectionWindow schema.Size `json:"connection_window" default:"1MiB" min:"64KiB" max:"64MiB" doc:"The same, for all requests together; it is what a connection can take of the gateway's memory for bodies."`
}
