/* Stands in for systemd's end of NOTIFY_SOCKET: binds the datagram socket PATH and prints
 * what arrives, a datagram a line, newlines within it as blanks. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[1024];
	ssize_t n;

	if (argc != 2 || fd < 0)
		return EXIT_FAILURE;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", argv[1]);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	printf("listening\n");
	fflush(stdout);
	while ((n = recv(fd, text, sizeof(text) - 1, 0)) >= 0) {
		text[n] = '\0';
		for (char *p = text; (p = strchr(p, '\n')) != NULL; p++)
			*p = ' ';
		printf("%s\n", text);
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}
