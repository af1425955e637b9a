int bad( int a ) {
  return a;
}
