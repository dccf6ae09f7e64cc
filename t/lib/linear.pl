#!/usr/bin/perl
# linear.pl FILE: is each key of a ddb-history(5) a linearizable register? Prints the keys that are not, and exits 1.
#
# Wing and Gong's search (1993), remembering configurations as Lowe does (2017).
use strict;
use warnings;

my $never = 9e18;
my (%calls, %history, $at);

# The operations of each key: [call, return, function, value, whether it took place for certain].
while (my $line = <>) {
	my ($process) = $line =~ /"process": (\d+)/ or die "line $.: no process\n";
	my ($type) = $line =~ /"type": "(\w+)"/;
	my ($f) = $line =~ /"f": "(\w+)"/;
	my ($key) = $line =~ /"key": "([^"]*)"/;
	my ($value) = $line =~ /"value": (\[[^]]*\]|[^,}]+)/;
	my $time = $line =~ /"time": (\d+)/ ? $1 : $.;
	die "line $.: time goes back\n" if defined $at && $time < $at;
	$at = $time;
	if ($type eq 'invoke') {
		die "line $.: process $process has an operation under way\n" if $calls{$process};
		$calls{$process} = [$., $f, $key, $value];
		next;
	}
	my $call = delete $calls{$process} or die "line $.: process $process has none under way\n";
	my $refused = $line =~ /"result": false/;    # how some histories say that a cas failed
	next if $type eq 'fail';
	if ($type eq 'info') {
		$calls{"info $."} = $call;
	} elsif (!$refused) {
		push @{$history{$key}}, [$call->[0], $., $f, $value, 1];
	}
}
push @{$history{$_->[2]}}, [$_->[0], $never, $_->[1], $_->[3], 0] for grep { $_->[1] ne 'read' } values %calls;

# What the register holds after the operation; undef: it cannot take place now.
sub after {
	my ($state, $f, $value) = @_;
	return $value if $f eq 'write';
	return $state eq $value ? $state : undef if $f eq 'read';
	my ($expected, $new) = $value =~ /^\[\s*(\w+),\s*(\w+)\s*\]$/ or die "no pair: $value\n";
	return $state eq $expected ? $new : undef;
}

sub linearizable {
	my @ops = sort { $a->[0] <=> $b->[0] } @_;
	my $certain = grep { $_->[4] } @ops;
	my %seen;
	# A configuration: how many operations from the first are all done, which later ones are, how many certain ones, the state.
	my @todo = ([0, {}, 0, 'null']);
	while (my $configuration = pop @todo) {
		my ($first, $done, $count, $state) = @$configuration;
		return 1 if $count == $certain;
		my $limit = $never;
		for (my $i = $first; $i < @ops && $ops[$i][0] < $limit; $i++) {
			$limit = $ops[$i][1] if !$done->{$i} && $ops[$i][1] < $limit;
		}
		for (my $i = $first; $i < @ops && $ops[$i][0] < $limit; $i++) {
			next if $done->{$i};
			my $next = after($state, $ops[$i][2], $ops[$i][3]);
			next unless defined $next;
			my %later = (%$done, $i => 1);
			my $from = $first;
			delete $later{$from++} while $later{$from};
			next if $seen{"$from $next " . join ',', sort { $a <=> $b } keys %later}++;
			push @todo, [$from, \%later, $count + $ops[$i][4], $next];
		}
	}
	return 0;
}

my @bad = grep { !linearizable(@{$history{$_}}) } sort keys %history;
print "$_\n" for @bad;
exit(@bad ? 1 : 0);
