"""What set 1 gives you, from the course's reference implementation."""





