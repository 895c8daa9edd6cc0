package telemetry

import "sallyport/schema"

// Config is the document's "telemetry".
type Config struct {
	AccessLog AccessLogConfig `json:"access_log" doc:"One line of JSON for each request."`
	Log       LogConfig       `json:"log" doc:"The log of the gateway itself, on standard error."`
	OTLP      any             `json:"otlp" later:"pushing metrics and traces by OTLP"`
	Traces    any             `json:"traces" later:"traces"`
	Analytics any             `json:"analytics" later:"analytics"`
}

// AccessLogConfig is where the access log goes and what is in it.
type AccessLogConfig struct {
	Path   string         `json:"path" short:"true" default:"stdout" min:"1" doc:"File that lines are added to, stdout for standard output, or off for no log; the file is opened anew on SIGHUP."`
	Fields []string       `json:"fields" enum:"time,id,client_ip,method,host,path,query,protocol,status,duration_ms,bytes_in,bytes_out,api,version,route,consumer,auth,subject,function,upstream,target,tries,retried,hedged,upstream_ms,calls,problem,cause,denied_by,denied_reason,fault,user_agent,referer,trace_id" doc:"Fields of a line, all when not given; they are always written in the same order."`
	When   *schema.Node   `json:"when" kind:"expression" doc:"Expression that decides whether a request gets a line."`
	Sample schema.Percent `json:"sample" default:"100%" doc:"Share of the requests that get a line; answers with a status of 500 and up always get one."`
}

// LogConfig is how the gateway logs what it does itself.
type LogConfig struct {
	Level  string `json:"level" default:"info" enum:"debug,info,warn,error" doc:"Least important messages that are written."`
	Format string `json:"format" default:"text" enum:"text,json" doc:"Form of a message."`
}
