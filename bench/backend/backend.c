// The service behind every contender of the comparison: answers /1k and /100k on keep-alive connections, and /json1 to
// /json3 with objects of 4 KiB, and takes bodies in.
// It is C on epoll because it shares a core with the load generator, and must cost less than what it measures.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct answer {
	char *bytes;
	long length;
};

struct conn {
	int fd;
	char in[16384];
	long have;             // bytes in in
	long skip;             // of a body, still to come
	struct answer *answer; // owed once skip is 0
	const char *rest;      // of an answer that the socket did not take
	long left;
};

static struct answer small, large, missing, objects[3];

static void make(struct answer *a, const char *status, long n, const char *body) {
	a->bytes = malloc(512 + n);
	int head = sprintf(a->bytes,
		"HTTP/1.1 %s\r\nServer: backend\r\nDate: Mon, 23 Nov 2026 14:00:00 GMT\r\nContent-Type: application/json\r\n"
		"Content-Length: %ld\r\nLast-Modified: Mon, 23 Nov 2026 13:00:00 GMT\r\nConnection: keep-alive\r\n"
		"ETag: \"65f0c0aa-400\"\r\nAccept-Ranges: bytes\r\n\r\n", status, n);
	if (body) memcpy(a->bytes + head, body, n);
	else memset(a->bytes + head, 'x', n);
	a->length = head + n;
}

// object makes one of 4 KiB, as the list of a service is.
static void object(struct answer *a, int which) {
	char b[8192];
	int n = sprintf(b, "{\"service%d\":{\"id\":%d,\"name\":\"service %d\",\"ok\":true},\"items%d\":[", which, which * 1000, which, which);
	for (int i = 0; i < 36; i++)
		n += sprintf(b + n, "%s{\"id\":%d,\"sku\":\"SKU-%05d\",\"title\":\"Product number %d \\u00e9\",\"price\":%d.%02d,\"stock\":%d,\"tags\":[\"a\",\"b\",\"c\"]}",
			i ? "," : "", i, i * 7, i, i * 3, i, i * 11);
	n += sprintf(b + n, "],\"total%d\":36}", which);
	make(a, "200 OK", n, b);
}

static int ep;

static void want(struct conn *c, unsigned events) {
	struct epoll_event ev = {.events = events, .data.ptr = c};
	epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
}

// give writes what is owed. It returns 0 when the socket is full, -1 when the connection is dead.
static int give(struct conn *c) {
	while (c->left > 0) {
		long n = write(c->fd, c->rest, c->left);
		if (n <= 0) {
			if (errno != EAGAIN) return -1;
			want(c, EPOLLOUT);
			return 0;
		}
		c->rest += n;
		c->left -= n;
	}
	return 1;
}

static int owe(struct conn *c) {
	c->rest = c->answer->bytes;
	c->left = c->answer->length;
	c->answer = NULL;
	return give(c);
}

static void drop(struct conn *c, long n) {
	memmove(c->in, c->in + n, c->have - n);
	c->have -= n;
}

// take answers every request that is whole.
static int take(struct conn *c) {
	for (;;) {
		if (c->answer) {
			long n = c->skip < c->have ? c->skip : c->have;
			drop(c, n);
			c->skip -= n;
			if (c->skip > 0) return 1;
			int ok = owe(c);
			if (ok != 1) return ok;
		}
		c->in[c->have] = 0;
		char *end = strstr(c->in, "\r\n\r\n");
		if (!end) return 1;
		*end = 0;
		char *length = strcasestr(c->in, "\r\ncontent-length:");
		char *path = strchr(c->in, ' ');
		c->skip = length ? atol(length + 17) : 0;
		c->answer = !path ? &missing : !strncmp(path, " /100k", 6) ? &large : !strncmp(path, " /1k", 4) ? &small
			: !strncmp(path, " /json", 6) && path[6] >= '1' && path[6] <= '3' ? &objects[path[6] - '1'] : &missing;
		drop(c, end + 4 - c->in);
	}
}

static int serve(struct conn *c) {
	if (c->left > 0) {
		int ok = give(c);
		if (ok != 1) return ok;
		want(c, EPOLLIN);
		return take(c);
	}
	long n = read(c->fd, c->in + c->have, sizeof c->in - 1 - c->have);
	if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
	if (n > 0) c->have += n;
	return take(c);
}

int main(int argc, char **argv) {
	int one = 1, port = argc > 1 ? atoi(argv[1]) : 9100;
	signal(SIGPIPE, SIG_IGN);
	make(&small, "200 OK", 1024, NULL);
	make(&large, "200 OK", 102400, NULL);
	make(&missing, "404 Not Found", 0, NULL);
	for (int i = 0; i < 3; i++) object(&objects[i], i + 1);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(l, (void *)&a, sizeof a) || listen(l, 4096)) return perror("backend"), 1;
	ep = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN}, got[256];
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev);
	for (;;) {
		int n = epoll_wait(ep, got, 256, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = got[i].data.ptr;
			if (c) {
				if (serve(c) < 0) {
					close(c->fd);
					free(c);
				}
				continue;
			}
			int fd;
			while ((fd = accept4(l, 0, 0, SOCK_NONBLOCK)) >= 0) {
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				c = calloc(1, sizeof *c);
				c->fd = fd;
				ev.events = EPOLLIN;
				ev.data.ptr = c;
				epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
			}
		}
	}
}
